// A board of heatmaps over one picture or several. All cells share zoom, position, opacity and threshold, so that what is
// seen in one place is seen in the same place everywhere. Heat arrives as shares of each map's own most, 0 to 255.

const instances = new WeakMap()

async function levels(bytes) {
  const picture = await bitmap(bytes)
  const canvas = new OffscreenCanvas(picture.width, picture.height)
  const context = canvas.getContext("2d", { willReadFrequently: true })
  context.drawImage(picture, 0, 0)
  return { canvas, context, data: context.getImageData(0, 0, picture.width, picture.height) }
}

class Board {
  constructor(root) {
    this.root = root
    this.zoom = 1
    this.pan = [0, 0] // share of the picture
    this.cells = new Map()
    this.byName = name => root.querySelector(`[data-name=${name}]`)
    this.byName("in").onclick = () => this.zoomBy(1.25)
    this.byName("out").onclick = () => this.zoomBy(0.8)
    this.byName("fit").onclick = () => { this.zoom = 1; this.pan = [0, 0]; this.draw() }
    this.byName("opacity").oninput = () => this.draw()
    for (const name of ["threshold", "against"]) this.byName(name).oninput = () => { this.colour(); this.draw() }
    this.watch = new ResizeObserver(() => this.draw())
    this.watch.observe(root.querySelector(".cells"))
  }

  async update(bytes) {
    const turn = (this.turn = (this.turn || 0) + 1)
    const { header, blobs } = unpack(bytes)
    const pictures = await Promise.all(header.pictures.map(i => bitmap(blobs[i])))
    const made = await Promise.all(header.cells.map(async cell => ({
      ...cell,
      picture: pictures[cell.picture],
      speaks: cell.heat === null ? null : await levels(blobs[cell.heat]),
      opposes: cell.opposing === null ? null : await levels(blobs[cell.opposing]),
    })))
    if (turn !== this.turn) return // a newer message overtook this one
    this.header = header
    this.byName("against-label").hidden = !made.some(cell => cell.opposes)
    this.lay(made)
    this.colour()
    this.draw()
    this.root.querySelector(".board").dataset.ready = header.key
  }

  lay(made) {
    const box = this.root.querySelector(".cells")
    const keep = new Map()
    for (const cell of made) {
      const node = this.cells.get(cell.name)?.node || this.newNode()
      node.querySelector("h3").textContent = cell.title
      const canvas = node.querySelector("canvas"), empty = node.querySelector(".empty")
      canvas.hidden = cell.heat === null && cell.waiting !== ""
      canvas.style.display = canvas.hidden ? "none" : "block"
      canvas.setAttribute("aria-label", cell.alt)
      canvas.style.aspectRatio = empty.style.aspectRatio = String(cell.ratio)
      empty.style.display = canvas.hidden ? "flex" : "none"
      empty.textContent = cell.waiting
      node.querySelector(".verdict").textContent = cell.verdict
      node.querySelector(".quiet").textContent = cell.note
      node.querySelector(".opinion").textContent = cell.opinion
      box.append(node)
      keep.set(cell.name, { ...cell, node, canvas })
    }
    for (const [name, old] of this.cells) if (!keep.has(name)) old.node.remove()
    this.cells = keep
  }

  newNode() {
    const node = document.createElement("section")
    node.className = "cell"
    node.innerHTML = '<h3></h3><canvas role="img" tabindex="0"></canvas><div class="empty"></div>' +
      '<p class="verdict"></p><p class="quiet"></p><p class="quiet opinion"></p>'
    this.bind(node.querySelector("canvas"))
    return node
  }

  bind(canvas) {
    canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); this.drag = [event.clientX, event.clientY] }
    canvas.onpointermove = event => {
      if (!this.drag) return
      this.pan[0] += (event.clientX - this.drag[0]) / canvas.clientWidth / this.zoom
      this.pan[1] += (event.clientY - this.drag[1]) / canvas.clientHeight / this.zoom
      this.drag = [event.clientX, event.clientY]
      this.draw()
    }
    canvas.onpointerup = canvas.onpointercancel = () => { this.drag = null }
    canvas.ondblclick = () => this.byName("fit").click()
    canvas.onkeydown = event => {
      const act = {
        "+": () => this.zoomBy(1.25), "=": () => this.zoomBy(1.25), "-": () => this.zoomBy(0.8),
        "0": () => this.byName("fit").click(),
        ArrowRight: () => this.move(-0.05, 0), ArrowLeft: () => this.move(0.05, 0),
        ArrowDown: () => this.move(0, -0.05), ArrowUp: () => this.move(0, 0.05),
      }[event.key]
      if (act) { event.preventDefault(); act() }
    }
  }

  zoomBy(factor) { this.zoom = Math.min(Math.max(this.zoom * factor, 1), 20); this.draw() }
  move(right, down) { this.pan[0] += right / this.zoom; this.pan[1] += down / this.zoom; this.draw() }

  // From levels to colours: below the threshold nothing is drawn, and near 0 the colour fades, as on the reading page.
  colour() {
    const cut = Number(this.byName("threshold").value)
    this.byName("cut").textContent = `${cut} %`
    const least = (cut / 100) * 255
    const paint = (layer, ramp) => {
      if (!layer) return
      const source = layer.data.data, painted = new ImageData(layer.data.width, layer.data.height), out = painted.data
      for (let i = 0; i < source.length; i += 4) {
        const level = source[i], entry = 3 * level
        out[i] = ramp[entry]; out[i + 1] = ramp[entry + 1]; out[i + 2] = ramp[entry + 2]
        out[i + 3] = level < least || level === 0 ? 0 : Math.min(255, level / this.header.fade)
      }
      layer.context.putImageData(painted, 0, 0)
    }
    for (const cell of this.cells.values()) { paint(cell.speaks, this.header.warm); paint(cell.opposes, this.header.cold) }
  }

  draw() {
    if (!this.header) return
    const opacity = Number(this.byName("opacity").value) / 100, against = this.byName("against").checked
    for (const cell of this.cells.values()) {
      const { canvas } = cell
      if (canvas.hidden) continue
      const ratio = window.devicePixelRatio || 1
      const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio)
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height }
      const context = canvas.getContext("2d")
      context.setTransform(1, 0, 0, 1, 0, 0)
      context.globalAlpha = 1
      context.clearRect(0, 0, width, height)
      context.translate(width / 2, height / 2)
      context.scale(this.zoom, this.zoom)
      context.translate(this.pan[0] * width - width / 2, this.pan[1] * height - height / 2)
      context.imageSmoothingQuality = "high"
      context.drawImage(cell.picture, 0, 0, width, height)
      context.globalAlpha = opacity
      if (cell.speaks) context.drawImage(cell.speaks.canvas, 0, 0, width, height)
      if (cell.opposes && against) context.drawImage(cell.opposes.canvas, 0, 0, width, height)
    }
  }

  remove() { this.watch.disconnect() }
}

export default function (component) {
  const { data, parentElement } = component
  if (!(data instanceof Uint8Array)) return undefined
  let board = instances.get(parentElement)
  if (!board) instances.set(parentElement, (board = new Board(parentElement)))
  board.update(data)
  return () => { board.remove(); instances.delete(parentElement) }
}
