// The image viewer. One canvas a pane; panes share zoom and position. The server sends finished pictures, so every
// grey value on screen was made by one tested windowing in Python. See ui/components/viewer/__init__.py for the message.

const instances = new WeakMap()

// One path for each outline, in pixels of the scan from its upper left corner.
function shapes(outlines) {
  return outlines.map(({ label, color, reference, rings }) => {
    const path = new Path2D()
    for (const ring of rings) {
      for (let at = 0; at < ring.length; at += 2) path[at ? "lineTo" : "moveTo"](ring[at], ring[at + 1])
      path.closePath()
    }
    return { label, color, reference, path }
  })
}

class Viewer {
  constructor(root) {
    this.root = root
    this.zoom = 1
    this.pan = [0, 0] // shift of the picture's centre, in picture pixels
    this.scanKey = null
    this.reel = []
    this.heatReel = []
    this.outlineReel = []
    this.unseen = new Set() // labels whose outlines the user took away
    this.timer = null
    this.wait = null
    this.sought = null // the frame that the server was last told of and has not answered for
    this.panes = [...root.querySelectorAll("canvas")]
    this.byName = name => root.querySelector(`[data-name=${name}]`)
    this.bind()
    this.watch = new ResizeObserver(() => this.draw())
    this.watch.observe(root.querySelector(".panes"))
  }

  bind() {
    const stage = this.root.querySelector(".panes")
    stage.onwheel = event => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.root.host && !this.focused) return
      event.preventDefault()
      this.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15)
    }
    stage.onfocus = () => { this.focused = true }
    stage.onblur = () => { this.focused = false }
    stage.ondblclick = () => this.reset()
    stage.onpointerdown = event => {
      stage.setPointerCapture(event.pointerId)
      this.drag = [event.clientX, event.clientY]
    }
    stage.onpointermove = event => {
      if (!this.drag) return
      const scale = this.scale(this.visible()[0])
      this.pan[0] += (event.clientX - this.drag[0]) / scale
      this.pan[1] += (event.clientY - this.drag[1]) / scale
      this.drag = [event.clientX, event.clientY]
      this.draw()
    }
    stage.onpointerup = stage.onpointercancel = () => { this.drag = null }
    stage.onkeydown = event => {
      const act = {
        "+": () => this.zoomBy(1.25), "=": () => this.zoomBy(1.25), "-": () => this.zoomBy(0.8), "0": () => this.reset(),
        ArrowRight: () => this.step(1), ArrowUp: () => this.step(1), ArrowLeft: () => this.step(-1),
        ArrowDown: () => this.step(-1), PageUp: () => this.step(10), PageDown: () => this.step(-10),
      }[event.key]
      if (act) { event.preventDefault(); act() }
    }
    this.byName("in").onclick = () => this.zoomBy(1.25)
    this.byName("out").onclick = () => this.zoomBy(0.8)
    this.byName("fit").onclick = () => this.reset()
    this.byName("opacity").oninput = () => this.draw()
    this.byName("layout").onchange = () => this.draw()
    this.byName("line").onchange = () => this.draw()
    this.byName("fill").onchange = () => { this.controls(); this.draw() }
    this.byName("slice").oninput = event => this.show(Number(event.target.value), true)
    this.byName("play").onclick = () => this.toggle()
  }

  async update(bytes, emit) {
    this.emit = emit
    const turn = (this.turn = (this.turn || 0) + 1)
    const { header, blobs } = unpack(bytes)
    const picture = await bitmap(blobs[header.picture])
    const heat = header.heat === null ? null : await bitmap(blobs[header.heat])
    const reel = await Promise.all((header.reel || []).map(i => bitmap(blobs[i], "image/jpeg")))
    const heatReel = await Promise.all((header.heat_reel || []).map(i => bitmap(blobs[i])))
    const outlines = header.outlines === null ? null : shapes(parsed(blobs[header.outlines]))
    const outlineReel = header.outline_reel === null ? [] : parsed(blobs[header.outline_reel]).map(shapes)
    if (turn !== this.turn) return // a newer message overtook this one
    if (header.scan !== this.scanKey) {
      this.reset(false); this.stop(); this.scanKey = header.scan; this.frame = this.sought = null
    }
    if (header.reel_key !== this.reelKey) {
      this.reel = []; this.heatReel = []; this.outlineReel = []; this.reelKey = header.reel_key
    }
    if (reel.length) { this.reel = reel; this.heatReel = heatReel; this.outlineReel = outlineReel }
    this.header = header
    this.full = { frame: header.frame, picture, heat, outlines }
    // The server's frame wins unless the user is on the move: then its answer is already out of date. So is what a busy
    // server sends of runs that began before it was told of the frame that the user has turned to.
    if (header.frame === this.sought) this.sought = null
    const behind = this.timer || this.wait || this.sought !== null
    if (this.frame === null || this.frame === undefined || !behind) this.frame = header.frame
    this.controls()
    this.draw()
    if (header.reel_key && !this.reel.length && this.asked !== header.reel_key) {
      this.asked = header.reel_key
      this.emit("reel", header.reel_key)
    }
  }

  controls() {
    const { header } = this
    const many = header.frames > 1
    this.byName("stack").hidden = !many
    const slice = this.byName("slice")
    slice.max = header.frames - 1
    slice.value = this.frame
    const heat = header.heat !== null || this.heatReel.length > 0
    const outlined = header.legend.length > 0
    this.byName("layout-label").hidden = !(heat || outlined)
    this.byName("outline-switches").hidden = !outlined
    this.byName("fill-label").hidden = heat // heat is what fills the picture then
    this.byName("heat").hidden = !(heat || (outlined && this.byName("fill").checked))
    this.byName("scalebar").hidden = !heat
    this.legend()
    this.byName("top").textContent = header.scale_text
    this.byName("unit").textContent = header.scale_unit
    this.byName("hint").textContent = header.hint
    this.count()
    this.panes[0].setAttribute("aria-label", header.alt)
    this.panes[1].setAttribute("aria-label", header.heat_alt)
  }

  legend() {
    const { legend } = this.header
    const place = this.byName("legend")
    place.hidden = !legend.length
    if (place.dataset.shown === JSON.stringify(legend)) return
    place.dataset.shown = JSON.stringify(legend)
    place.replaceChildren(...legend.map(([label, color, reference]) => {
      const button = document.createElement("button"), swatch = document.createElement("i")
      swatch.style.borderColor = color
      swatch.className = reference ? "reference" : ""
      button.type = "button"
      button.append(swatch, label)
      button.setAttribute("aria-pressed", !this.unseen.has(label))
      button.onclick = () => {
        const seen = this.unseen.delete(label) || !this.unseen.add(label)
        button.setAttribute("aria-pressed", seen)
        this.draw()
      }
      return button
    }))
  }

  count() {
    const text = this.header.position.replace("{n}", this.frame + 1)
    this.byName("count").textContent = text
    this.byName("slice").setAttribute("aria-valuetext", text)
    this.byName("play").textContent = this.timer ? "Pause" : "Play"
  }

  show(frame, settle) {
    const last = this.header.frames - 1
    this.frame = Math.min(Math.max(frame, 0), last)
    this.byName("slice").value = this.frame
    this.count()
    this.draw()
    clearTimeout(this.wait)
    this.wait = settle ? setTimeout(() => this.tell(), 180) : null
  }

  tell() {
    this.wait = null
    this.sought = this.frame
    this.emit("frame", this.frame)
  }

  step(by) { if (this.header && this.header.frames > 1) { this.stop(); this.show(this.frame + by, true) } }

  toggle() {
    if (this.timer) { this.stop(); this.show(this.frame, true); return }
    this.timer = setInterval(() => this.show((this.frame + 1) % this.header.frames, false), this.header.frame_ms)
    this.count()
  }

  stop() { clearInterval(this.timer); this.timer = null; if (this.header) this.count() }
  zoomBy(factor) { this.zoom = Math.min(Math.max(this.zoom * factor, 1), 40); this.draw() }
  reset(draw = true) { this.zoom = 1; this.pan = [0, 0]; if (draw) this.draw() }

  visible() {
    const overlay = this.header && !this.byName("layout-label").hidden
    const layout = overlay ? this.byName("layout").value : "original"
    this.panes[0].hidden = layout === "overlay"
    this.panes[1].hidden = layout === "original"
    return this.panes.filter(pane => !pane.hidden)
  }

  scale(pane) {
    const { columns, rows, aspect } = this.header
    return Math.min(pane.clientWidth / columns, pane.clientHeight / (rows * aspect)) * this.zoom
  }

  draw() {
    if (!this.header) return
    const sharp = this.full.frame === this.frame
    const picture = sharp ? this.full.picture : this.reel[this.frame] || this.full.picture
    const heat = sharp && this.full.heat ? this.full.heat : this.heatReel[this.frame] || null
    const { columns, rows, aspect } = this.header
    const shown = this.visible()
    // No taller than the pictures need, so that what belongs to them stays in sight.
    const stage = this.root.querySelector(".panes")
    stage.style.maxHeight = `${Math.max(340, (stage.clientWidth / shown.length) * (rows * aspect / columns))}px`
    for (const pane of shown) {
      const ratio = window.devicePixelRatio || 1
      const width = Math.round(pane.clientWidth * ratio), height = Math.round(pane.clientHeight * ratio)
      if (pane.width !== width || pane.height !== height) { pane.width = width; pane.height = height }
      const context = pane.getContext("2d")
      context.setTransform(1, 0, 0, 1, 0, 0)
      context.globalAlpha = 1
      context.clearRect(0, 0, width, height)
      const scale = this.scale(pane) * ratio
      context.translate(width / 2 + this.pan[0] * scale, height / 2 + this.pan[1] * scale)
      context.scale(scale, scale * aspect)
      // From four screen pixels a scan pixel on, show the pixels themselves: smoothing would invent detail.
      context.imageSmoothingEnabled = scale < 4
      context.imageSmoothingQuality = "high"
      context.drawImage(picture, -columns / 2, -rows / 2, columns, rows)
      if (pane === this.panes[1] && heat) {
        context.imageSmoothingEnabled = true
        context.globalAlpha = Number(this.byName("opacity").value) / 100
        context.drawImage(heat, -columns / 2, -rows / 2, columns, rows)
      }
      if (pane === this.panes[1]) this.outline(context, sharp, ratio)
    }
    this.root.querySelector(".viewer").dataset.ready = `${this.header.scan}:${this.frame}:${sharp}`
  }

  // Lines keep their width at any zoom; a dark rim parts them from what is as bright as they are.
  outline(context, sharp, ratio) {
    const found = (sharp && this.full.outlines) || this.outlineReel[this.frame] || []
    const { columns, rows } = this.header
    const onScreen = context.getTransform().translate(-columns / 2, -rows / 2)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.lineJoin = "round"
    for (const { label, color, reference, path } of found) {
      if (this.unseen.has(label)) continue
      const drawn = new Path2D()
      drawn.addPath(path, onScreen)
      if (this.byName("fill").checked && !this.byName("fill-label").hidden && !reference) {
        context.globalAlpha = 0.4 * Number(this.byName("opacity").value) / 100
        context.fillStyle = color
        context.fill(drawn, "evenodd")
      }
      context.globalAlpha = 1
      if (!this.byName("line").checked) continue
      for (const [style, width] of [["rgb(0 0 0 / 75%)", 4], [color, 2]]) {
        context.strokeStyle = style
        context.lineWidth = width * ratio
        context.setLineDash(reference ? [6 * ratio, 4 * ratio] : [])
        context.stroke(drawn)
      }
    }
    context.setLineDash([])
  }

  remove() { this.stop(); clearTimeout(this.wait); this.watch.disconnect() }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  if (!(data instanceof Uint8Array)) return undefined
  let viewer = instances.get(parentElement)
  if (!viewer) instances.set(parentElement, (viewer = new Viewer(parentElement)))
  viewer.update(data, setStateValue)
  return () => { viewer.remove(); instances.delete(parentElement) }
}
