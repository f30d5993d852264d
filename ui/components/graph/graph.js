// The boxes of a network as buttons, with lines between them. See ui/components/graph/__init__.py for the message.

const WIDTH = 88, HEIGHT = 38, GAP_X = 14, LANE = 46, ROW = 16, PAD = 12

const left = box => PAD + box.column * (WIDTH + GAP_X)
const top = box => PAD + box.lane * LANE + box.row * ROW

function line(from, to, long) {
  const x1 = left(from) + WIDTH, y1 = top(from) + HEIGHT / 2, x2 = left(to), y2 = top(to) + HEIGHT / 2
  if (from.row !== to.row) {
    const middle = top(to) - ROW / 2 - 4
    return `M${x1} ${y1} h5 V${middle} H${x2 - 6} V${y2} H${x2}`
  }
  if (long && y1 === y2) return `M${x1} ${y1} h4 v${-HEIGHT / 2 - 5} H${x2 - 5} v${HEIGHT / 2 + 5} H${x2}`
  const bend = x2 - GAP_X / 2
  return `M${x1} ${y1} H${bend - 6} C${bend + 2} ${y1} ${bend - 2} ${y2} ${bend + 6} ${y2} H${x2}`
}

function draw(root, header, url, pick) {
  const boxes = header.boxes
  const width = PAD * 2 + Math.max(...boxes.map(box => left(box) + WIDTH)) - PAD
  const height = PAD + Math.max(...boxes.map(box => top(box) + HEIGHT))
  const stage = document.createElement("div")
  stage.className = "stage"
  stage.style.cssText = `width:${width}px;height:${height}px`
  const lines = boxes.flatMap(box => box.parents.map(number => {
    const lit = box.number === header.chosen || number === header.chosen
    const from = boxes[number]
    return `<path class="${lit ? "lit" : ""}" d="${line(from, box, box.column - from.column > 1)}"/>`
  }))
  stage.innerHTML = `<svg width="${width}" height="${height}" aria-hidden="true">${lines.join("")}</svg>`
  for (const box of boxes) {
    const button = document.createElement("button")
    button.type = "button"
    button.className = box.heat ? "heat" : ""
    button.style.cssText = `left:${left(box)}px;top:${top(box)}px;width:${WIDTH}px;height:${HEIGHT}px`
    button.setAttribute("aria-pressed", String(box.number === header.chosen))
    button.title = box.tip
    button.setAttribute("aria-label", box.tip)
    const sign = document.createElement("i")
    if (box.picture === null) {
      sign.className = "none"
      sign.textContent = box.sign
    } else {
      sign.style.background = `url(${url}) 0 ${-32 * box.picture}px / 32px auto #000`
    }
    const words = document.createElement("span"), small = document.createElement("small")
    words.textContent = box.short
    small.textContent = box.size
    words.append(small)
    button.append(sign, words)
    button.onclick = () => pick(box.number)
    button.onkeydown = event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      const next = step && stage.querySelectorAll("button")[box.number + step]
      if (next) { event.preventDefault(); next.focus() }
    }
    stage.append(button)
  }
  root.replaceChildren(stage)
}

const urls = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  if (!(data instanceof Uint8Array)) return undefined
  const { header, blobs: [picture] } = unpack(data)
  const root = parentElement.querySelector(".graph")
  if (urls.has(parentElement)) URL.revokeObjectURL(urls.get(parentElement))
  const url = URL.createObjectURL(new Blob([picture], { type: "image/png" }))
  urls.set(parentElement, url)
  const focused = root.getRootNode().activeElement?.getAttribute?.("aria-label")
  draw(root, header, url, number => setTriggerValue("picked", number))
  const chosen = [...root.querySelectorAll("button")]
  if (focused) chosen.find(button => button.getAttribute("aria-label") === focused)?.focus({ preventScroll: true })
  const spot = header.boxes[header.chosen]
  if (spot && root.dataset.model !== header.model) {
    root.dataset.model = header.model
    root.scrollTop = Math.max(0, top(spot) - 150)
  }
  return () => { URL.revokeObjectURL(urls.get(parentElement)); urls.delete(parentElement) }
}
