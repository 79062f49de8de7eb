// Hears what is said of hits: the pair of buttons on each card (drawn by the page as HTML), and keys.
// j and k mark the next and the previous hit, r and x press the marked one's buttons.
// data: {"hits": which ones are shown, as text, "count": how many, "first": the one to mark when others come, from 1,
//        "said": [word of each hit, "" for none], "failures": how often something could not be kept}
// Sends as "said": {"hits": as above, "words": {place: word, ...}}, all that was said of these hits since they came.
// What is pressed is shown at once and not when the server has drawn it: that waits while previews are being made.

const TYPED = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=range], [type=button])";
const MOVES = { j: 1, k: -1 };
const WORDS = { r: "relevant", x: "wrong" };
const ORANGE = "#d9601c";

// One for the page, as this module is: Streamlit mounts a component anew whenever it likes, at times before it lets go of the last
// one. The mark may not be lost by that, nor anything be heard twice.
const listener = listen();

const card = (place) => document.querySelector(`.st-key-hit-${place}`);
const buttons = (place) => [...(card(place)?.querySelectorAll(".vret-judge button") ?? [])];
const isPressed = (button) => button.getAttribute("aria-pressed") === "true";
const placeOf = (element) => Number(element?.closest?.('[class*="st-key-hit-"]')?.className.match(/st-key-hit-(\d+)/)?.[1] ?? 0);

function show(place, word) {
  for (const button of buttons(place)) button.setAttribute("aria-pressed", button.dataset.word === word);
}

// A style and no class on the card: Streamlit draws cards anew whenever it likes.
function mark(place, { byKey }) {
  listener.place = place;
  const ring = byKey ? `box-shadow: 0 0 0 1px ${ORANGE};` : "";  // plainer once keys are used
  listener.style.textContent =
    `@media (hover: hover) { .st-key-hit-${place} { border-color: ${ORANGE} !important; ${ring} } }`;
  if (!byKey) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  card(place)?.scrollIntoView({ block: "nearest", behavior: calm ? "instant" : "smooth" });
}

// Said again, it is taken back. Returns whether something is said of the hit now.
function say(place, word) {
  const takenBack = buttons(place).some((button) => button.dataset.word === word && isPressed(button));
  const now = takenBack ? "" : word;
  show(place, now);
  listener.words[place] = now;
  sendWords();
  return now !== "";
}

// Words said with nothing mounted wait.
function sendWords() {
  [...listener.mounted.values()].at(-1)?.("said", { hits: listener.hits, words: { ...listener.words } });
}

function onKey(event) {
  if (!card(listener.place)) return;
  const target = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target instanceof Element && target.matches(TYPED)) return;
  if (document.querySelector('[role="dialog"]')) return;
  const key = event.key.toLowerCase();
  if (!Object.hasOwn(MOVES, key) && !Object.hasOwn(WORDS, key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();  // Streamlit has a use for r too: it draws the page anew
  const { place, count } = listener;
  if (key in MOVES) {
    mark(Math.min(count, Math.max(1, place + MOVES[key])), { byKey: true });
  } else if (!event.repeat && say(place, WORDS[key])) {
    for (let next = place + 1; next <= count; next += 1) {
      if (!buttons(next).some(isPressed)) return mark(next, { byKey: true });
    }
  }
}

function onClick(event) {
  const button = event.target.closest?.(".vret-judge button");
  if (button) say(placeOf(button), button.dataset.word);
}

function onPointer(event) {
  const place = placeOf(event.target);
  if (place) mark(place, { byKey: false });
}

function listen() {
  const style = document.head.appendChild(document.createElement("style"));
  for (const [type, react] of [["keydown", onKey], ["pointerdown", onPointer], ["click", onClick]]) {
    window.addEventListener(type, react, { capture: true });
  }
  return { style, mounted: new Map(), hits: null, count: 0, place: 1, words: {}, failures: 0 };
}

export default function ({ data, parentElement, setStateValue }) {
  const wasMounted = listener.mounted.size > 0;
  listener.mounted.set(parentElement, setStateValue);
  if (listener.hits !== data.hits) {
    Object.assign(listener, { hits: data.hits, count: data.count, words: {}, failures: data.failures });
    mark(data.first, { byKey: false });
  } else if (listener.failures !== data.failures) {
    Object.assign(listener, { words: {}, failures: data.failures });
    data.said.forEach((word, at) => show(at + 1, word));
  } else if (!wasMounted && Object.keys(listener.words).length > 0) {
    sendWords();
  }
  return () => {
    listener.mounted.delete(parentElement);
    // They are sent. Sent again when the hits come back, they would undo what was said elsewhere meanwhile.
    if (listener.mounted.size === 0) listener.words = {};
  };
}
