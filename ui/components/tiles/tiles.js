// Pictures in a grid, on each of which a place can be clicked. See ui/components/tiles/__init__.py for the message.

function addMark(frame, mark) {
  const box = document.createElement("div")
  box.className = `mark ${mark.look}`
  const percent = value => `${value * 100}%`
  box.style.cssText = `left:${percent(mark.x)};top:${percent(mark.y)};width:max(4px, ${percent(mark.w)});height:max(4px, ${percent(mark.h)})`
  frame.append(box)
}

function makeTile(tile, index, url, header, pick) {
  const figure = document.createElement("div")
  figure.className = "tile"
  const frame = document.createElement("div"), image = document.createElement("img")
  frame.className = "frame"
  frame.tabIndex = 0
  frame.setAttribute("role", "button")
  frame.setAttribute("aria-pressed", String(index === header.active))
  frame.setAttribute("aria-label", `${tile.alt}. Arrow keys move the place.`)
  image.src = url
  image.alt = tile.alt
  image.className = header.sharp ? "sharp" : ""
  image.style.aspectRatio = String(header.aspect)
  frame.append(image)
  for (const mark of tile.marks) addMark(frame, mark)
  frame.onclick = event => {
    const box = image.getBoundingClientRect()
    const inside = value => Math.min(Math.max(value, 0), 0.9999)
    pick([index, inside((event.clientY - box.top) / box.height), inside((event.clientX - box.left) / box.width)])
  }
  frame.onkeydown = event => {
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], Enter: [0, 0] }[event.key]
    if (!step) return
    event.preventDefault()
    const move = (at, by, cells) => Math.min(Math.max((Math.floor(at * cells + 1e-6) + by + 0.5) / cells, 0.5 / cells), 1 - 0.5 / cells)
    pick([index, move(header.place[0], step[0], header.cells[0]), move(header.place[1], step[1], header.cells[1])])
  }
  figure.append(frame)
  if (tile.label || tile.value) {
    const label = document.createElement("div")
    label.className = "label"
    for (const text of [tile.label, tile.value]) {
      const span = document.createElement("span")
      span.textContent = text
      label.append(span)
    }
    figure.append(label)
  }
  return figure
}

function makeScale(scale) {
  const row = document.createElement("div"), ramp = document.createElement("div")
  row.className = "scale"
  ramp.className = "ramp"
  ramp.style.background = `linear-gradient(90deg, ${scale.colours})`
  row.append(scale.low, ramp, scale.high)
  return row
}

const urls = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  if (!(data instanceof Uint8Array)) return undefined
  const { header, blobs } = unpack(data)
  const root = parentElement.querySelector(".tiles")
  const old = urls.get(parentElement) ?? []
  const fresh = blobs.map(blob => URL.createObjectURL(new Blob([blob], { type: "image/png" })))
  urls.set(parentElement, fresh)
  const frames = [...root.querySelectorAll(".frame")]
  const focused = frames.indexOf(root.getRootNode().activeElement)
  const grid = document.createElement("div")
  grid.className = "grid"
  grid.style.gridTemplateColumns = `repeat(${header.columns}, minmax(0, 1fr))`
  const pick = place => setTriggerValue("picked", place)
  grid.append(...header.tiles.map((tile, index) => makeTile(tile, index, fresh[index], header, pick)))
  root.replaceChildren(grid, ...(header.scale ? [makeScale(header.scale)] : []))
  if (focused >= 0) root.querySelectorAll(".frame")[focused]?.focus({ preventScroll: true })
  for (const url of old) URL.revokeObjectURL(url)
  return () => { for (const url of urls.get(parentElement) ?? []) URL.revokeObjectURL(url); urls.delete(parentElement) }
}
