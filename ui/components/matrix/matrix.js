// The matrix of models and datasets: a real table whose cells are buttons. Arrow keys move between them, Enter and
// space choose. What is chosen is decided by the server; see ui/components/matrix/__init__.py for the message.

function element(name, classes = "", text = "") {
  const made = document.createElement(name)
  if (classes) made.className = classes
  if (text) made.textContent = text
  return made
}

function button(place, label, pressed, choose) {
  const made = element("button")
  made.type = "button"
  made.dataset.place = place
  made.tabIndex = -1
  made.setAttribute("aria-label", label)
  made.setAttribute("aria-pressed", String(pressed))
  made.title = label
  made.onclick = choose
  return made
}

function bar({ low, value, high }) {
  const made = element("span", "bar"), percent = share => `${(100 * share).toFixed(2)}%`
  made.setAttribute("aria-hidden", "true")
  const line = element("i"), span = element("b"), point = element("em")
  span.style.left = percent(low)
  span.style.width = percent(Math.max(0, high - low))
  point.style.left = percent(value)
  made.append(line, span, point)
  return made
}

function filled(cell, row, column, place, emit) {
  const made = element("td")
  if (!cell.value) {
    made.append(element("div", "none", cell.text))
    made.title = cell.label
    return made
  }
  const inside = button(place, cell.label, cell.chosen, () => emit("chosen", { dataset: column.key, model: row.key }))
  if (cell.best) inside.classList.add("best")
  const first = element("span", "first")
  first.append(element("span", "value", cell.text))
  if (cell.mark) first.append(element("span", "mark", cell.mark))
  inside.append(first)
  if (cell.bar) inside.append(bar(cell.bar))
  for (const line of cell.lines) inside.append(element("span", "small", line))
  made.append(inside)
  return made
}

function heading(column, index, emit) {
  const made = element("th", "dataset")
  made.scope = "col"
  const choose = () => emit("chosen", { dataset: column.key, model: null })
  const inside = button(`0:${index}`, column.label, column.chosen, choose)
  const title = element("span", "title", column.title)
  inside.append(title, ...column.lines.map(line => element("span", "small", line)))
  made.append(inside)
  return made
}

function modelOf(row) {
  const made = element("th", "model")
  made.scope = "row"
  const sample = element("span", "sample")
  sample.style.borderColor = row.color
  sample.style.borderTopStyle = row.dash
  sample.setAttribute("aria-hidden", "true")
  const inside = element("span", "name")
  inside.append(sample, element("span", "", row.title))
  made.append(inside)
  return made
}

function changeOf(row) {
  const made = element("td")
  const inside = element("div", "change")
  inside.title = row.change.label
  inside.append(element("span", `value ${row.change.worse ? "worse" : ""}`, row.change.text))
  for (const line of row.change.lines) inside.append(element("span", "small wrap", line))
  made.append(inside)
  return made
}

function build(root, data, emit) {
  const top = element("tr"), names = element("tr")
  const corner = element("th", "corner")
  corner.rowSpan = 2
  top.append(corner)
  for (const group of data.groups) {
    const made = element("th", "group", group.title)
    made.colSpan = group.columns
    made.scope = "colgroup"
    top.append(made)
  }
  data.columns.forEach((column, index) => names.append(heading(column, index, emit)))
  if (data.change) {
    const made = element("th", "group", data.change)
    made.rowSpan = 2
    made.style.width = "132px"
    top.append(made)
  }
  root.querySelector("thead").replaceChildren(top, names)
  root.querySelector("tbody").replaceChildren(...data.rows.map((row, number) => {
    const made = element("tr")
    made.append(modelOf(row), ...row.cells.map((cell, index) =>
      filled(cell, row, data.columns[index], `${number + 1}:${index}`, emit)))
    if (data.change) made.append(changeOf(row))
    return made
  }))
  const table = root.querySelector("table")
  table.setAttribute("aria-label", data.label)
  // The columns of datasets share what the names of models and the changes leave.
  const [named, least, most, changes] = [172, 122, 230, data.change ? 132 : 0]
  table.style.minWidth = `${named + least * data.columns.length + changes}px`
  table.style.maxWidth = `${named + 80 + most * data.columns.length + changes}px`
  const share = Math.round(0.18 * root.querySelector(".wide").clientWidth)
  corner.style.width = `${data.columns.length > 2 ? Math.max(named, share) : named + 80}px`
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }

function move(root, event) {
  const step = STEPS[event.key]
  const from = event.target.closest("button")?.dataset.place
  if (!step || !from) return
  event.preventDefault()
  let [row, column] = from.split(":").map(Number)
  for (let tries = 0; tries < 200; tries++) {
    row += step[0]
    column += step[1]
    if (row < 0 || column < 0 || row > 100 || column > 100) return
    const next = root.querySelector(`button[data-place="${row}:${column}"]`)
    if (next) { focus(root, next); return }
  }
}

function focus(root, target) {
  for (const other of root.querySelectorAll("button")) other.tabIndex = -1
  target.tabIndex = 0
  target.focus()
}

// Bring the chosen column into sight where the table is wider than its place, without moving the page.
function reveal(root) {
  const wide = root.querySelector(".wide"), cell = root.querySelector('td button[aria-pressed="true"]')?.parentElement
  if (!cell) return
  const covered = root.querySelector("th.model").offsetWidth
  if (cell.offsetLeft - covered < wide.scrollLeft) wide.scrollLeft = cell.offsetLeft - covered
  const end = cell.offsetLeft + cell.offsetWidth
  if (end > wide.scrollLeft + wide.clientWidth) wide.scrollLeft = end - wide.clientWidth
}

export default function (component) {
  const { data, parentElement: root, setTriggerValue } = component
  if (!data) return undefined
  const before = (root.activeElement || root.ownerDocument?.activeElement)?.dataset?.place
  build(root, data, setTriggerValue)
  const again = before && root.querySelector(`button[data-place="${before}"]`)
  if (again) focus(root, again)
  else {
    const first = root.querySelector('td button[aria-pressed="true"]') || root.querySelector("td button")
    if (first) first.tabIndex = 0
  }
  reveal(root)
  root.querySelector("table").onkeydown = event => move(root, event)
  root.querySelector(".wide").dataset.ready = "true"
  return undefined
}
