"use strict";
// Fills the page from the JSON in it. Text from outside (names, messages) enters through textContent alone.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const floats = (text) => new Float32Array(bytes(text).buffer);
const shorts = (text) => new Uint16Array(bytes(text).buffer);
const number = (x, digits = 0) => (x === null || x === undefined ? "–" : x.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits }));

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function table(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", {}, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell))))));
}

// ---- the top ---------------------------------------------------------------------------------------------------------

function fillTop() {
  const s = data.summary, tiles = [["photos in the model", `${number(s.registered)} of ${number(s.images)}`]];
  if (data.models.length) tiles.push(["points", number(s.points3D)], ["observations", number(s.observations)],
    ["photos a point", number(s.mean_track_length, 2)], ["reprojection error", `${number(s.mean_reprojection_error_px, 3)} px`], ["units", data.units]);
  if (data.models.length > 1) tiles.push(["models", number(data.models.length)]);
  $("tiles").append(...tiles.map(([name, value]) => make("div", { class: "tile" }, make("b", {}, value), make("span", {}, name))));
  if (!data.error) return;
  const said = [make("h2", {}, s.registered ? "The run ended early" : "No model came of these photos"), make("p", {}, data.error.message)];
  if (data.error.file) said.push(make("p", {}, "File: ", make("code", {}, data.error.file)));
  if (data.error.try) said.push(make("p", {}, "Try: ", data.error.try));
  $("error").append(...said); $("error").hidden = false;
}

// ---- colours of the points -------------------------------------------------------------------------------------------

const STOPS = [[48, 80, 190], [40, 160, 140], [250, 220, 60]];
function ramp(values) {
  const sorted = Float32Array.from(values).sort(), at = (q) => sorted[Math.floor(q * (sorted.length - 1))];
  const low = at(0.02), span = Math.max(at(0.98) - low, 1e-12), made = new Uint8Array(3 * values.length);
  values.forEach((value, k) => {
    const share = 2 * Math.max(0, Math.min(1, (value - low) / span)), i = Math.min(1, Math.floor(share)), f = share - i;
    for (let c = 0; c < 3; c++) made[3 * k + c] = STOPS[i][c] * (1 - f) + STOPS[i + 1][c] * f;
  });
  return made;
}
const COLORS = {
  photo: (scene) => scene.colors,
  error: (scene) => ramp(scene.errors),
  track: (scene) => ramp(Float32Array.from(scene.lengths, (n) => Math.log(Math.max(1, n)))),
};

// ---- the view --------------------------------------------------------------------------------------------------------

const shown = { viewer: null, scene: null };

function readScene(model) {
  const tracks = shorts(model.tracks), starts = new Uint32Array(bytes(model.track_starts).buffer);
  const cameras = model.cameras.map((camera) => ({ ...camera, corners: pairs(camera.corners), places: pairs(camera.places) }));
  return {
    positions: floats(model.positions), colors: bytes(model.colors), errors: floats(model.errors), lengths: shorts(model.lengths), cameras,
    track: (k) => Array.from({ length: starts[k + 1] - starts[k] }, (_, i) => {
      const j = 3 * (starts[k] + i);
      return { camera: tracks[j], x: tracks[j + 1] / 65535, y: tracks[j + 2] / 65535 };
    }),
  };
}
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, k) => [flat[2 * k], flat[2 * k + 1]]);

function showModel(index) {
  const model = data.models[index], old = $("canvas"), canvas = old.cloneNode(true); // a fresh one: no listener is left behind
  old.replaceWith(canvas);
  shown.scene = readScene(model);
  shown.viewer = new Viewer(canvas, shown.scene, model.view, pick);
  $("thinned").textContent = model.shown < model.points ? `${number(model.shown)} of ${number(model.points)} points are shown` : "";
  setColors();
  pick(null, -1);
}

function setColors() { shown.viewer.setColors(COLORS[$("color-mode").value](shown.scene)); }

function pick(kind, index) {
  const panel = $("panel");
  panel.replaceChildren();
  if (kind === "camera") {
    const photo = data.photos[shown.scene.cameras[index].photo];
    panel.append(...photoPanel(photo, true));
    const picture = new Image();
    picture.onload = () => { if (shown.viewer.chosen && shown.viewer.chosen[0] === "camera" && shown.viewer.chosen[1] === index) shown.viewer.choose(kind, index, [], picture); };
    if (photo.thumbnail) picture.src = photo.thumbnail;
    shown.viewer.choose(kind, index);
  } else if (kind === "point") {
    const track = shown.scene.track(index), at = shown.viewer.pointAt(index);
    panel.append(make("h3", {}, "Point"), make("p", {}, `seen by ${track.length} photos, error ${number(shown.scene.errors[index], 2)} px`),
      make("p", { class: "quiet" }, `at ${at.map((x) => x.toFixed(3)).join(", ")}`),
      make("div", { class: "track" }, ...track.map((seen) => sighting(seen))));
    shown.viewer.choose(kind, index, track.map((seen) => seen.camera));
  } else {
    panel.append(make("p", { class: "quiet" }, "Click a camera to see its photo, or a point to see where it was seen."));
    shown.viewer.choose(null, -1);
  }
}

function sighting(seen) {
  const photo = data.photos[shown.scene.cameras[seen.camera].photo];
  const mark = make("i", {});
  mark.style.left = `${seen.x * 100}%`; mark.style.top = `${seen.y * 100}%`;
  return make("figure", {}, make("div", { class: "marked" }, thumbnail(photo), mark), make("figcaption", {}, photo.name));
}

function thumbnail(photo) {
  if (!photo.thumbnail) return make("div", { class: "no-picture" }, "no picture");
  return make("img", { src: photo.thumbnail, alt: photo.name, loading: "lazy", width: photo.thumbnail_size[0], height: photo.thumbnail_size[1] });
}

// ---- photos ----------------------------------------------------------------------------------------------------------

function keypointPicture(photo) {
  const box = make("div", { class: "marked" }, thumbnail(photo));
  if (!photo.thumbnail || !photo.keypoints_at) return box;
  const [width, height] = photo.thumbnail_size, canvas = make("canvas", { width: 2 * width, height: 2 * height, "aria-hidden": true });
  const at = shorts(photo.keypoints_at), in_model = bytes(photo.in_model), context = canvas.getContext("2d");
  for (let k = 0; k < in_model.length; k++) {
    context.fillStyle = in_model[k] ? "#43e08a" : "#ff5d5dcc";
    context.beginPath(); context.arc((at[2 * k] / 65535) * 2 * width, (at[2 * k + 1] / 65535) * 2 * height, 2.4, 0, 7); context.fill();
  }
  box.append(canvas);
  return box;
}

function photoPanel(photo, isInView) {
  const facts = [`${number(photo.keypoints)} keypoints`];
  if (photo.model !== null) facts.push(`${number(photo.observations)} in the model`, `error ${number(photo.error_px, 2)} px`);
  const lines = [make("h3", {}, photo.name), keypointPicture(photo), make("p", {}, facts.join(", ")),
    make("p", { class: "quiet" }, "green: part of the model, red: not" + (photo.keypoints > photo.keypoints_shown ? `; ${number(photo.keypoints_shown)} are drawn` : ""))];
  if (photo.uncertainty) lines.push(make("p", { class: "quiet" }, `taken here to ± ${photo.uncertainty[0].toPrecision(2)} ${data.units === "arbitrary" ? "of the model's units" : "m"}, ± ${photo.uncertainty[1].toPrecision(2)}° (one standard deviation, beside the two cameras that hold the frame)`));
  if (photo.left_out) lines.push(make("p", {}, make("b", {}, `left out: ${photo.left_out.cause}`), ` – ${photo.left_out.detail}`), make("p", {}, `Try: ${photo.left_out.try}`));
  if (photo.left_out && photo.left_out.matches.length) lines.push(table(["matches", "", "that fit", "in the model"],
    photo.left_out.matches.map(([name, matches, inliers, isIn]) => [name, number(matches), number(inliers), isIn ? "yes" : "no"])));
  const near = photo.left_out ? [] : neighbours(photo.index).slice(0, 6);
  if (near.length) lines.push(make("p", { class: "quiet" }, "verified with " + near.map(([other, inliers]) => `${data.photos[other].name} (${inliers})`).join(", ")));
  const place = cameraOf(photo);
  if (isInView && place >= 0) lines.push(make("button", { onclick: () => shown.viewer.lookThrough(place) }, "Look through it"));
  return lines;
}

const cameraOf = (photo) => (shown.scene ? shown.scene.cameras.findIndex((camera) => camera.photo === photo.index) : -1);
const neighbours = (index) => data.pairs.filter(([a, b, , inliers]) => inliers && (a === index || b === index))
  .map(([a, b, , inliers]) => [a === index ? b : a, inliers]).sort((p, q) => q[1] - p[1]);

function card(photo) {
  const isIn = photo.model !== null;
  const state = photo.left_out ? photo.left_out.cause.replaceAll("_", " ") : isIn ? `${number(photo.observations)} points, ${number(photo.error_px, 2)} px` : "not in a model";
  return make("button", { class: `card ${photo.model === 0 ? "in" : "out"}`, title: photo.left_out ? photo.left_out.detail : photo.name, onclick: () => openPhoto(photo) },
    thumbnail(photo), make("b", {}, photo.name), make("span", {}, state));
}

function openPhoto(photo) {
  const place = cameraOf(photo);
  if (place >= 0) {
    pick("camera", place);
    $("view").scrollIntoView({ behavior: "smooth" });
    return;
  }
  $("dialog-content").replaceChildren(...photoPanel(photo, false));
  $("dialog").showModal();
}

function fillCards() {
  const wanted = $("filter").value, words = $("search").value.toLowerCase();
  const chosen = data.photos.filter((photo) => photo.name.toLowerCase().includes(words)
    && (wanted === "all" || (wanted === "in") === (photo.model === 0)));
  $("cards").replaceChildren(...chosen.map(card));
  $("card-count").textContent = `${chosen.length} of ${data.photos.length}`;
}

// ---- which photos match ----------------------------------------------------------------------------------------------

function heat(share) {
  const i = share < 0.5 ? 0 : 1, f = 2 * share - i;
  return `rgb(${STOPS[i].map((low, c) => Math.round(low * (1 - f) + STOPS[i + 1][c] * f)).join(" ")})`;
}

function fillMatrix() {
  const n = data.photos.length, canvas = $("matrix"), cell = Math.max(1, Math.min(24, Math.floor(480 / Math.max(1, n))));
  canvas.width = canvas.height = Math.min(n * cell, 2000);
  const context = canvas.getContext("2d"), scale = canvas.width / Math.max(1, n), most = Math.log(1 + Math.max(1, ...data.pairs.map((p) => p[3])));
  context.fillStyle = "#14171c"; context.fillRect(0, 0, canvas.width, canvas.height);
  const value = new Map();
  for (const [a, b, matches, inliers] of data.pairs) {
    context.fillStyle = inliers ? heat(Math.log(1 + inliers) / most) : "#2a2e36";
    for (const [x, y] of [[a, b], [b, a]]) { context.fillRect(x * scale, y * scale, Math.ceil(scale), Math.ceil(scale)); value.set(x * n + y, [matches, inliers]); }
  }
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((p) => Math.floor((p / box.width) * n));
    const found = value.get(x * n + y), names = data.photos[x] && data.photos[y] ? `${data.photos[y].name} – ${data.photos[x].name}` : "";
    $("matrix-note").textContent = names && x !== y ? `${names}: ${found ? `${found[0]} matches, ${found[1]} inliers` : "no matches"}` : "";
  });
}

function fillGraph() {
  const svg = $("graph"), n = data.photos.length, verified = data.pairs.filter((pair) => pair[3] > 0);
  if (!n) return;
  const at = (k) => [200 + 170 * Math.sin((2 * Math.PI * k) / n), 200 - 170 * Math.cos((2 * Math.PI * k) / n)];
  const svgNode = (tag, attributes) => { const made = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(attributes)) made.setAttribute(k, v); return made; };
  const most = Math.log(1 + Math.max(1, ...verified.map((pair) => pair[3]))), drawn = verified.slice().sort((p, q) => q[3] - p[3]).slice(0, 3000);
  for (const [a, b, , inliers] of drawn.reverse()) {
    const [[x1, y1], [x2, y2]] = [at(a), at(b)], share = Math.log(1 + inliers) / most;
    svg.append(svgNode("line", { x1, y1, x2, y2, stroke: heat(share), "stroke-opacity": 0.15 + 0.6 * share, "stroke-width": 0.4 + 1.6 * share }));
  }
  data.photos.forEach((photo, k) => {
    const [x, y] = at(k), dot = svgNode("circle", { cx: x, cy: y, r: Math.max(1.5, Math.min(6, 300 / n)), class: photo.model === 0 ? "in" : photo.model === null ? "out" : "other" });
    const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
    name.textContent = photo.name; dot.append(name); dot.addEventListener("click", () => openPhoto(photo)); svg.append(dot);
  });
}

// ---- numbers ---------------------------------------------------------------------------------------------------------

function histogram(title, bars) {
  const most = Math.max(1, ...bars.map((bar) => bar[1]));
  return make("figure", { class: "histogram" }, make("figcaption", {}, title), make("div", { class: "bars" }, ...bars.map(([label, count]) => {
    const bar = make("i", {}); bar.style.height = `${(100 * count) / most}%`;
    return make("div", { title: `${label}: ${number(count)}` }, bar, make("span", {}, label));
  })));
}

function fillNumbers() {
  $("histograms").append(...data.histograms.map(({ title, bars }) => histogram(title, bars)));
  const stages = Object.entries(data.seconds).filter(([name, spent]) => name !== "total" && spent >= 0.005), longest = Math.max(...stages.map((s) => s[1]), 1e-9);
  $("times").append(table(["stage", "seconds", ""], stages.map(([name, spent]) => {
    const bar = make("i", { class: "bar" }); bar.style.width = `${(100 * spent) / longest}%`;
    return [name, number(spent, 2), bar];
  })), make("p", {}, `${number(data.seconds.total ?? 0, 1)} seconds in all`));
  $("cameras").append(table(["camera", "photos", "size", "model", "focal length", "where from"],
    data.cameras.map((c) => [String(c.id), number(c.photos), `${c.width}x${c.height}`, c.model, c.focal_px === null ? "–" : `${number(c.focal_px, 1)} px`, c.source])));
  $("plan").append(table(["", ""], data.plan), ...(data.warnings.length ? [make("h3", {}, "Notes of the run"), make("ul", {}, ...data.warnings.map((text) => make("li", {}, text)))] : []));
  $("command").textContent = data.command;
  if (data.frame) $("frame").textContent = `Scale: ${data.frame}.`;
  $("findings").append(...data.findings.flatMap(({ title, note, head, rows }) => [make("h2", {}, title),
    make("p", { class: "quiet" }, note), make("div", { class: "scroll" }, table(head, rows.slice(0, 200)))]));
}

// ---- begin -----------------------------------------------------------------------------------------------------------

fillTop();
if (data.models.length) {
  try {
    const choice = $("model-choice");
    data.models.forEach((model, k) => choice.append(make("option", { value: k }, `model ${k}: ${model.cameras.length} photos`)));
    choice.hidden = data.models.length < 2;
    choice.addEventListener("change", () => showModel(Number(choice.value)));
    $("color-mode").addEventListener("change", setColors);
    $("reset").addEventListener("click", () => shown.viewer.reset());
    showModel(0);
  } catch (error) {
    $("view").replaceChildren(make("p", {}, `The 3D view cannot be shown: ${error.message}. The numbers and photos below are complete.`));
    shown.viewer = shown.scene = null;
  }
} else $("view").hidden = true;
$("filter").addEventListener("change", fillCards);
$("search").addEventListener("input", fillCards);
$("theme").addEventListener("click", () => {
  const root = document.documentElement, isDark = getComputedStyle(root).colorScheme.includes("dark") && !root.dataset.theme ? matchMedia("(prefers-color-scheme: dark)").matches : root.dataset.theme === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
});
$("dialog-close").addEventListener("click", () => $("dialog").close());
fillCards(); fillMatrix(); fillGraph(); fillNumbers();
document.documentElement.dataset.ready = "yes";
