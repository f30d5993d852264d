// Puts what is wrong with an upload into words, wherever Streamlit has drawn it: beside the drop zone, where everybody
// sees it, in the tooltip, and in the text for screen readers.
let sentences = null
let observer = null

function said(text) {
  const size = /File must be (.+?) or smaller/.exec(text)
  if (size) return sentences.size.replace("{size}", size[1].replace(/\.0+(?=\D)/, ""))
  if (!/AxiosError|Network Error|status code/.test(text)) return text.replace(/^Error:\s*/, "")
  const status = (/status code (\d+)/.exec(text) ?? [])[1]
  if (!status) return sentences.cut
  return (sentences[status] ?? sentences.other).replace("{status}", status)
}

function isRaw(text) {
  return /AxiosError|File must be .+ or smaller/.test(text)
}

function mendTexts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (isRaw(node.data)) node.data = said(node.data)
  }
}

function note(uploader) {
  const faults = [...uploader.querySelectorAll("[aria-invalid=true] [role=alert]")].map(one => said(one.textContent))
  const words = [...new Set(faults)].join(" ")
  let shown = uploader.querySelector(":scope > .upload-fault")
  if (!words) return shown?.remove()
  if (!shown) {
    shown = document.createElement("p")
    shown.className = "upload-fault"
    uploader.append(shown)
  }
  if (shown.textContent !== words) shown.textContent = words
}

function mend() {
  for (const place of document.querySelectorAll(".stFileUploader, .stTooltipContent, [data-testid^=stTooltip]")) {
    if (isRaw(place.textContent)) mendTexts(place)
  }
  document.querySelectorAll(".stFileUploader").forEach(note)
}

export default function ({ data }) {
  sentences = data
  observer ??= new MutationObserver(mend)
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-invalid"] })
  mend()
}
