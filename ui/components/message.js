// What the server sends to a component: one block of bytes as ui/packing.py makes it. Put before each component's own
// script by ui/components/script.py, for a component is one script without imports.

function parsed(bytes) {
  return JSON.parse(new TextDecoder().decode(bytes))
}

function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  const header = parsed(bytes.subarray(4, 4 + length))
  let offset = 4 + length
  const blobs = header.blobs.map(size => bytes.subarray(offset, (offset += size)))
  return { header, blobs }
}

function bitmap(bytes, type = "image/png") {
  return createImageBitmap(new Blob([bytes], { type }))
}
