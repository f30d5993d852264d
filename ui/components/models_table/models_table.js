// The table of models: a real table; the name of a model is a button, and a click anywhere in its row is a click on
// it. What is chosen is decided by the server; see ui/components/models_table/__init__.py for the message.

function element(name, classes = "", text = "") {
  const made = document.createElement(name)
  if (classes) made.className = classes
  if (text) made.textContent = text
  return made
}

function nameOf(row, cell, choose) {
  const made = element("th", cell.key)
  made.scope = "row"
  const inside = element("button", "", cell.text)
  inside.type = "button"
  inside.dataset.slug = row.slug
  inside.setAttribute("aria-pressed", String(row.chosen))
  inside.onclick = event => { event.stopPropagation(); choose(row.slug) }
  made.append(inside)
  if (row.own) made.append(element("span", "own", "Your own"))
  return made
}

function cellOf(cell) {
  const made = element("td", cell.key)
  if (cell.title) made.title = cell.title
  if (cell.text) made.append(element("span", "value", cell.text))
  if (cell.unit) made.append(" ", element("span", "unit", cell.unit))
  for (const line of cell.lines) made.append(element("span", "small", line))
  return made
}

function rowOf(row, choose) {
  const made = element("tr", row.chosen ? "chosen" : "")
  made.onclick = () => choose(row.slug)
  made.append(...row.cells.map(cell => cell.key === "model" ? nameOf(row, cell, choose) : cellOf(cell)))
  return made
}

function groupOf(group, columns, choose) {
  const made = element("tbody"), head = element("tr", "group"), title = element("th", "", group.title)
  title.scope = "rowgroup"
  title.colSpan = columns
  head.append(title)
  made.append(head, ...group.rows.map(row => rowOf(row, choose)))
  return made
}

// Bring the chosen row into sight where the table scrolls by itself, without moving the page.
function reveal(root) {
  const wide = root.querySelector(".wide"), row = root.querySelector("tr.chosen")
  if (!row || wide.scrollHeight <= wide.clientHeight) return
  const top = row.offsetTop - root.querySelector("thead").offsetHeight, bottom = row.offsetTop + row.offsetHeight
  if (top >= wide.scrollTop && bottom <= wide.scrollTop + wide.clientHeight) return
  wide.scrollTop = row.offsetTop - wide.clientHeight / 3
}

export default function (component) {
  const { data, parentElement: root, setTriggerValue } = component
  if (!data) return undefined
  const wide = root.querySelector(".wide"), table = root.querySelector("table"), place = wide.scrollTop
  const before = (root.activeElement || root.ownerDocument?.activeElement)?.dataset?.slug
  const choose = slug => setTriggerValue("chosen", slug)
  const head = element("thead"), names = element("tr")
  for (const column of data.columns) {
    const made = element("th", column.key, column.title)
    made.scope = "col"
    names.append(made)
  }
  head.append(names)
  table.setAttribute("aria-label", data.label)
  const groups = data.groups.map(group => groupOf(group, data.columns.length, choose))
  table.replaceChildren(head, ...groups)
  wide.classList.toggle("beside", data.groups.some(group => group.rows.some(row => row.chosen)))
  wide.scrollTop = place
  if (before) root.querySelector(`button[data-slug="${CSS.escape(before)}"]`)?.focus({ preventScroll: true })
  reveal(root)
  wide.dataset.ready = "true"
  return undefined
}
