// Refreshes what the board shows of each host, and leaves alone what a visitor
// is typing.
async function refresh() {
  const answer = await fetch("/");
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const section of document.querySelectorAll("section")) {
    const now = fresh.getElementById(section.id);
    Object.assign(section.dataset, now.dataset);
    if (section.querySelector(".now").innerHTML !== now.querySelector(".now").innerHTML) {
      section.querySelector(".now").replaceWith(now.querySelector(".now"));
    }
  }
}

setInterval(() => refresh().catch(console.error), 2000);
