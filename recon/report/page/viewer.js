"use strict";
// A view of points and cameras in WebGL. World and camera axes are COLMAP's: x right, y down, z forward.

const POINT_VERTEX = `
attribute vec3 position; attribute vec3 color; uniform mat4 clip_from_world; uniform float size; varying vec3 shade;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); gl_PointSize = size; shade = color; }`;
const POINT_FRAGMENT = `
precision mediump float; varying vec3 shade;
void main() { vec2 d = gl_PointCoord - 0.5; if (dot(d, d) > 0.25) discard; gl_FragColor = vec4(shade, 1.0); }`;
const LINE_VERTEX = `
attribute vec3 position; attribute vec3 color; uniform mat4 clip_from_world; varying vec3 shade;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); shade = color; }`;
const LINE_FRAGMENT = "precision mediump float; varying vec3 shade; void main() { gl_FragColor = vec4(shade, 1.0); }";
const PHOTO_VERTEX = `
attribute vec3 position; attribute vec2 place; uniform mat4 clip_from_world; varying vec2 at;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); at = place; }`;
const PHOTO_FRAGMENT = `
precision mediump float; varying vec2 at; uniform sampler2D photo;
void main() { gl_FragColor = texture2D(photo, at); }`;

const PICK_RADIUS_PX = 9;
const CAMERA_COLOR = [1.0, 0.55, 0.2], CHOSEN_COLOR = [0.2, 0.75, 1.0], TRACK_COLOR = [0.35, 0.9, 0.5];

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const plus = (a, b, k = 1) => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => { const n = Math.hypot(...a) || 1; return [a[0] / n, a[1] / n, a[2] / n]; };

function turned(vector, axis, angle) { // Rodrigues
  const c = Math.cos(angle), s = Math.sin(angle), k = dot(axis, vector) * (1 - c), x = cross(axis, vector);
  return [0, 1, 2].map((i) => vector[i] * c + x[i] * s + axis[i] * k);
}

class Viewer {
  /* scene: {positions, colors, errors, lengths} typed arrays of the points, {cameras} of what `lineOf` needs,
     view: {eye, right, down, forward, tangent, distance, up, depth}; onPick(kind, index) with "point", "camera" or null. */
  constructor(canvas, scene, view, onPick) {
    this.canvas = canvas; this.scene = scene; this.first = view; this.onPick = onPick;
    this.gl = canvas.getContext("webgl", { antialias: false });
    if (!this.gl) throw new Error("this browser offers no WebGL");
    this.pointSize = Math.max(1.8, Math.min(5, 2 * Math.sqrt(30000 / (1 + scene.positions.length / 3)))); this.showsCameras = true; this.chosen = null; this.track = []; this.frames = 0;
    this.points = this.program(POINT_VERTEX, POINT_FRAGMENT);
    this.lines = this.program(LINE_VERTEX, LINE_FRAGMENT);
    this.photos = this.program(PHOTO_VERTEX, PHOTO_FRAGMENT);
    this.buffers = { positions: this.upload(scene.positions), colors: this.upload(scene.colors) };
    this.reset();
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  program(vertex, fragment) {
    const gl = this.gl, made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text); gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    return made;
  }

  upload(array) {
    const gl = this.gl, buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    return buffer;
  }

  bind(program, name, buffer, size, type, normalised) {
    const gl = this.gl, at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, normalised, 0, 0);
  }

  setColors(colors) { this.gl.deleteBuffer(this.buffers.colors); this.buffers.colors = this.upload(colors); this.redraw(); }

  reset() {
    const v = this.first;
    const aspect = this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight); // narrow: the width has to fit
    Object.assign(this, { eye: v.eye, right: v.right, down: v.down, forward: v.forward, distance: v.distance,
      tangent: v.tangent * Math.max(1, v.aspect / aspect) });
    this.redraw();
  }

  // Look through a camera: its pose, and a field of view in which its whole picture fits.
  lookThrough(index) {
    const c = this.scene.cameras[index], aspect = this.canvas.clientWidth / this.canvas.clientHeight;
    [this.right, this.down, this.forward] = [c.rotation.slice(0, 3), c.rotation.slice(3, 6), c.rotation.slice(6, 9)];
    const [w, h] = [Math.max(...c.corners.map((p) => Math.abs(p[0]))), Math.max(...c.corners.map((p) => Math.abs(p[1])))];
    if (c.turn % 2) { [this.right, this.down] = c.turn === 1 ? [this.down.map((x) => -x), this.right] : [this.down, this.right.map((x) => -x)]; }
    else if (c.turn === 2) [this.right, this.down] = [this.right.map((x) => -x), this.down.map((x) => -x)];
    const [seenWidth, seenHeight] = c.turn % 2 ? [h, w] : [w, h];
    this.eye = c.center.slice(); this.tangent = Math.max(seenHeight, seenWidth / aspect);
    this.redraw();
  }

  turn(dx, dy) {
    const pivot = plus(this.eye, this.forward, this.distance), up = this.first.up;
    const lie = Math.asin(Math.max(-1, Math.min(1, dot(this.forward, up))));
    const pitch = Math.max(-1.5 - lie, Math.min(1.5 - lie, dy));
    const right = this.right;
    for (const name of ["down", "forward"]) this[name] = turned(this[name], right, pitch);
    for (const name of ["right", "down", "forward"]) this[name] = unit(turned(this[name], up, dx));
    this.eye = plus(pivot, this.forward, -this.distance);
    this.redraw();
  }

  pan(dx, dy) { // as a share of the height of the view
    const step = 2 * this.tangent * this.distance;
    this.eye = plus(plus(this.eye, this.right, -dx * step), this.down, -dy * step);
    this.redraw();
  }

  zoom(factor) {
    const pivot = plus(this.eye, this.forward, this.distance);
    this.distance *= factor;
    this.eye = plus(pivot, this.forward, -this.distance);
    this.redraw();
  }

  centerOn(position) {
    this.distance = Math.max(1e-9, dot(plus(position, this.eye, -1), this.forward));
    this.eye = plus(position, this.forward, -this.distance);
    this.redraw();
  }

  clipFromWorld() { // column-major
    const aspect = this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight), t = this.tangent;
    const near = this.distance / 500, far = this.distance * 500;
    const a = (far + near) / (far - near), b = (-2 * far * near) / (far - near);
    const rows = [[this.right, 1 / (t * aspect)], [this.down, -1 / t], [this.forward, a], [this.forward, 1]]
      .map(([axis, k], i) => [...axis.map((x) => x * k), -dot(axis, this.eye) * k + (i === 2 ? b : 0)]);
    const made = new Float32Array(16);
    rows.forEach((row, i) => row.forEach((x, j) => { made[4 * j + i] = x; }));
    return made;
  }

  // Where a place in the world is seen: [x, y, depth] in CSS pixels of the canvas, or null behind the eye.
  project(position) {
    const p = plus(position, this.eye, -1), z = dot(p, this.forward);
    if (z <= 0) return null;
    const h = this.canvas.clientHeight, scale = h / 2 / (this.tangent * z);
    return [this.canvas.clientWidth / 2 + dot(p, this.right) * scale, h / 2 + dot(p, this.down) * scale, z];
  }

  pointAt(index) { return Array.from(this.scene.positions.subarray(3 * index, 3 * index + 3)); }

  pick(x, y) {
    let best = null, least = PICK_RADIUS_PX;
    if (this.showsCameras) this.scene.cameras.forEach((camera, index) => {
      const at = this.project(camera.center);
      const away = at ? Math.hypot(at[0] - x, at[1] - y) : Infinity;
      if (away < least) { least = away; best = ["camera", index]; }
    });
    if (best) return best;
    let nearest = Infinity;
    for (let k = 0; k < this.scene.positions.length / 3; k++) {
      const at = this.project(this.pointAt(k));
      if (at && Math.hypot(at[0] - x, at[1] - y) < PICK_RADIUS_PX / 2 && at[2] < nearest) { nearest = at[2]; best = ["point", k]; }
    }
    return best || [null, -1];
  }

  choose(kind, index, track = [], picture = null) {
    this.chosen = kind ? [kind, index] : null; this.track = track;
    if (this.texture) { this.gl.deleteTexture(this.texture); this.texture = null; }
    if (picture) this.texture = this.textureOf(picture);
    this.redraw();
  }

  textureOf(picture) {
    const gl = this.gl, made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, picture);
    for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, name, value);
    return made;
  }

  cornersInWorld(camera) {
    const depth = this.first.depth, r = camera.rotation;
    return camera.corners.map(([x, y]) => [0, 1, 2].map((i) => camera.center[i] + depth * (r[i] * x + r[3 + i] * y + r[6 + i])));
  }

  outlines() {
    const positions = [], colors = [];
    const line = (a, b, color) => { positions.push(...a, ...b); colors.push(...color, ...color); };
    if (this.showsCameras) this.scene.cameras.forEach((camera, index) => {
      const isChosen = this.chosen && this.chosen[0] === "camera" && this.chosen[1] === index;
      const color = isChosen ? CHOSEN_COLOR : this.track.includes(index) ? TRACK_COLOR : CAMERA_COLOR;
      const corners = this.cornersInWorld(camera);
      corners.forEach((corner, k) => { line(camera.center, corner, color); line(corner, corners[(k + 1) % 4], color); });
    });
    if (this.chosen && this.chosen[0] === "point")
      for (const index of this.track) line(this.pointAt(this.chosen[1]), this.scene.cameras[index].center, TRACK_COLOR);
    return [new Float32Array(positions), new Float32Array(colors)];
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    const gl = this.gl, canvas = this.canvas, ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const matrix = this.clipFromWorld();
    gl.viewport(0, 0, width, height); gl.clearColor(0.085, 0.095, 0.11, 1); gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const use = (program) => {
      gl.useProgram(program); gl.uniformMatrix4fv(gl.getUniformLocation(program, "clip_from_world"), false, matrix);
    };
    use(this.points);
    gl.uniform1f(gl.getUniformLocation(this.points, "size"), this.pointSize * ratio);
    this.bind(this.points, "position", this.buffers.positions, 3, gl.FLOAT, false);
    this.bind(this.points, "color", this.buffers.colors, 3, gl.UNSIGNED_BYTE, true);
    gl.drawArrays(gl.POINTS, 0, this.scene.positions.length / 3);
    const [positions, colors] = this.outlines();
    if (positions.length) {
      use(this.lines);
      const buffers = [this.upload(positions), this.upload(colors)];
      this.bind(this.lines, "position", buffers[0], 3, gl.FLOAT, false);
      this.bind(this.lines, "color", buffers[1], 3, gl.FLOAT, false);
      gl.drawArrays(gl.LINES, 0, positions.length / 3);
      buffers.forEach((buffer) => gl.deleteBuffer(buffer));
    }
    if (this.texture && this.showsCameras) this.drawPhoto(use);
    this.frames++;
  }

  drawPhoto(use) {
    const gl = this.gl, camera = this.scene.cameras[this.chosen[1]], corners = this.cornersInWorld(camera);
    const order = [0, 1, 2, 0, 2, 3];
    use(this.photos);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const buffers = [corners, camera.places].map((list) => this.upload(new Float32Array(order.flatMap((k) => list[k]))));
    this.bind(this.photos, "position", buffers[0], 3, gl.FLOAT, false);
    this.bind(this.photos, "place", buffers[1], 2, gl.FLOAT, false);
    gl.drawArrays(gl.TRIANGLES, 0, 6);
    buffers.forEach((buffer) => gl.deleteBuffer(buffer));
  }

  listen() {
    const canvas = this.canvas, fingers = new Map();
    let moved = 0, spread = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); moved = 0; spread = 0; canvas.focus();
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      fingers.set(event.pointerId, event);
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY], h = canvas.clientHeight;
      moved += Math.abs(dx) + Math.abs(dy);
      if (fingers.size === 2) {
        const [a, b] = [...fingers.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (spread && now) this.zoom(spread / now);
        spread = now; this.pan(dx / h / 2, dy / h / 2);
      } else if (event.shiftKey || event.buttons === 2) this.pan(dx / h, dy / h);
      else this.turn((dx / h) * 3, (-dy / h) * 3);
    });
    const lift = (event) => {
      const isClick = fingers.size === 1 && moved < 5 && event.type === "pointerup";
      fingers.delete(event.pointerId); spread = 0;
      if (!isClick) return;
      const box = canvas.getBoundingClientRect();
      this.onPick(...this.pick(event.clientX - box.left, event.clientY - box.top));
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(event.deltaY * 0.001)); }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      const box = canvas.getBoundingClientRect(), [kind, index] = this.pick(event.clientX - box.left, event.clientY - box.top);
      if (kind) this.centerOn(kind === "point" ? this.pointAt(index) : this.scene.cameras[index].center);
    });
    const keys = {
      ArrowLeft: () => this.turn(0.1, 0), ArrowRight: () => this.turn(-0.1, 0),
      ArrowUp: () => this.turn(0, -0.1), ArrowDown: () => this.turn(0, 0.1),
      "+": () => this.zoom(0.9), "=": () => this.zoom(0.9), "-": () => this.zoom(1.1),
      r: () => this.reset(), c: () => { this.showsCameras = !this.showsCameras; this.redraw(); },
      "[": () => { this.pointSize = Math.max(1, this.pointSize - 0.5); this.redraw(); },
      "]": () => { this.pointSize = Math.min(12, this.pointSize + 0.5); this.redraw(); },
      Escape: () => this.onPick(null, -1),
    };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault(); keys[event.key]();
    });
  }
}
