// Plays one small video whose bytes come with the component's data: a line of JSON, then the MP4.
// {"id": what it shows, "label": for screen readers, "start_s": where to begin, "kind": "loop" or "watch"}
// A loop is silent and plays only while it can be seen; a click holds it. A watched one has the browser's controls.

const players = new WeakMap();

function parse(data) {
  const end = data.indexOf(10);
  return { head: JSON.parse(new TextDecoder().decode(data.subarray(0, end))), mp4: data.subarray(end + 1) };
}

function playOrPause(player) {
  if (player.seen && !player.held) player.video.play().catch(() => {});  // where a browser refuses, a click plays it
  else player.video.pause();
}

function makePlayer(parent, kind) {
  const video = document.createElement("video");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const player = { video, seen: kind === "watch", held: calm };
  video.className = kind;
  video.muted = true;
  video.playsInline = true;
  video.loop = kind === "loop";
  video.controls = kind === "watch";
  video.onloadeddata = () => playOrPause(player);
  if (kind === "loop") {
    video.onclick = () => { player.held = !video.paused; playOrPause(player); };
    player.observer = new IntersectionObserver((entries) => {
      player.seen = entries[entries.length - 1].isIntersecting;
      playOrPause(player);
    }, { threshold: 0.2 });
    player.observer.observe(video);
  }
  parent.appendChild(video);
  return player;
}

function load(player, head, mp4) {
  player.id = head.id;
  if (player.url) URL.revokeObjectURL(player.url);
  player.url = URL.createObjectURL(new Blob([mp4], { type: "video/mp4" }));
  player.video.setAttribute("aria-label", head.label);
  player.video.onloadedmetadata = () => { if (head.start_s > 0) player.video.currentTime = head.start_s; };
  player.video.src = player.url;
}

export default function ({ data, parentElement }) {
  const { head, mp4 } = parse(data);
  let player = players.get(parentElement);
  if (!player) players.set(parentElement, (player = makePlayer(parentElement, head.kind)));
  if (player.id !== head.id) load(player, head, mp4);
  return () => {
    if (player.observer) player.observer.disconnect();
    URL.revokeObjectURL(player.url);
    player.video.remove();
    players.delete(parentElement);
  };
}
