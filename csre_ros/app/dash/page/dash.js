// What the server sends, drawn: "about" (what is shown), "moment" (newest instant), "action" (events), "end".
"use strict";

const SHOWN_S = 10, ROWS = 3, MOST_EVENTS = 200, MOST_BARS = 100;
const COLOURS = ["#50dc50", "#3ca0ff", "#ffa03c", "#dc5adc", "#3cdce6", "#ff7878"];
const $ = (id) => document.getElementById(id);
const bars = []; // {person, action, since, until, decided}
let about = { labels: [] }, moment = null, first = null, dirty = false;

const words = (label) => label.replaceAll("_", " ");
const colour = (person) => COLOURS[person % COLOURS.length];

function introduce(news) {
  about = news;
  $("title").textContent = news.title;
  $("bundle").textContent = news.bundle;
  $("labels").replaceChildren(...news.labels.map((label) => {
    const item = document.createElement("li");
    item.dataset.label = label;
    item.textContent = words(label);
    return item;
  }));
}

function take(event) {
  let bar = bars.find((one) => one.person === event.person && one.until === null);
  if (!bar) {
    bar = { person: event.person, action: event.action, since: event.since, until: null, decided: event.stamp };
    bars.push(bar);
    if (bars.length > MOST_BARS) bars.shift();
  }
  if (event.state === "ended") bar.until = event.until ?? event.stamp;
  first ??= event.since;
  if (event.state === "ongoing") return;
  const item = document.createElement("li");
  item.className = event.state;
  const seconds = (event.stamp - first).toFixed(1);
  item.textContent = `${seconds} s  person ${event.person}  ${words(event.action)} ${event.state} ` +
    `${Math.round(100 * event.score)} %`;
  $("events").prepend(item);
  if ($("events").children.length > MOST_EVENTS) $("events").lastChild.remove();
}

function show(news) {
  moment = news;
  first ??= news.stamp;
  const rate = news.rate_hz === undefined ? "" : `${news.rate_hz.toFixed(0)} fps`;
  $("speed").textContent = `${news.latency_ms.toFixed(1)} ms  ${rate}`;
  $("warning").textContent = news.warning ?? "";
  $("state").textContent = "";
  const doing = new Set(news.people.map((person) => person.action));
  for (const item of $("labels").children) item.classList.toggle("on", doing.has(item.dataset.label));
  dirty = true;
}

function drawPeople() {
  const canvas = $("people"), pen = canvas.getContext("2d");
  canvas.width = moment.width;
  canvas.height = moment.height; // which also clears it
  const unit = Math.max(2, moment.height / 240);
  for (const person of moment.people) {
    const seen = person.points.filter((point) => point);
    pen.strokeStyle = colour(person.id);
    pen.lineWidth = unit;
    for (const [child, parent] of person.bones) {
      const from = person.points[child], to = person.points[parent];
      if (!from || !to) continue;
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(...to);
      pen.stroke();
    }
    pen.fillStyle = "#fff";
    for (const [x, y] of seen) {
      pen.beginPath();
      pen.arc(x, y, unit + 1, 0, 2 * Math.PI);
      pen.fill();
    }
    if (seen.length) name(pen, person, seen, moment);
  }
}

function name(pen, person, seen, { width, height }) {
  const size = (person.action ? 1 : 0.75) * Math.max(18, height / 26);
  const text = `${person.id}: ${words(person.action ?? (person.best ? `(${person.best})` : "..."))}`;
  pen.font = `${size}px system-ui, sans-serif`;
  pen.fillStyle = person.action ? colour(person.id) : "#aaa";
  const left = Math.min(...seen.map((p) => p[0])), top = Math.min(...seen.map((p) => p[1]));
  const x = Math.max(4, Math.min(left, width - pen.measureText(text).width - 8));
  const y = Math.max(size, Math.min(top - 18, height - 16));
  pen.fillText(text, x, y);
  const bar = Math.max(80, pen.measureText(text).width);
  pen.fillRect(x, y + 5, bar * Math.max(0, Math.min(person.score, 1)), 5);
}

function drawStrip() {
  const canvas = $("strip"), pen = canvas.getContext("2d"), now = moment.stamp;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const column = (stamp) => Math.max(0, Math.min(1, 1 + (stamp - now) / SHOWN_S)) * canvas.width;
  const height = canvas.height / ROWS;
  pen.fillStyle = "#3c3c3c";
  for (let second = 1; second < SHOWN_S; second++) pen.fillRect(column(now - second), 0, 1, canvas.height);
  const recent = bars.filter((bar) => bar.until === null || bar.until > now - SHOWN_S);
  bars.splice(0, bars.length, ...recent);
  const people = [...new Set([...moment.people.map((p) => p.id), ...recent.map((bar) => bar.person)])];
  people.sort((a, b) => a - b).slice(0, ROWS).forEach((person, row) => {
    const top = row * height;
    pen.font = `${height * 0.55}px system-ui, sans-serif`;
    for (const bar of recent.filter((one) => one.person === person)) {
      const left = column(bar.since), right = column(bar.until ?? now);
      pen.fillStyle = colour(person);
      pen.globalAlpha = 0.55;
      pen.fillRect(left, top + 2, right - left, height - 4);
      pen.globalAlpha = 1;
      pen.fillStyle = "#fff";
      if (bar.decided > now - SHOWN_S) pen.fillRect(column(bar.decided), top + 2, 1, height - 4);
      pen.fillText(words(bar.action), left + 22, top + height * 0.7, Math.max(1, right - left - 24));
    }
    pen.fillStyle = "#ddd";
    pen.fillText(String(person), 4, top + height * 0.7);
  });
}

function paint() {
  if (dirty) {
    dirty = false;
    drawPeople();
    drawStrip();
  }
  requestAnimationFrame(paint);
}

const stream = new EventSource("events");
const on = (kind, act) => stream.addEventListener(kind, (message) => act(JSON.parse(message.data)));
on("about", introduce);
on("action", take);
on("moment", show);
on("end", () => {
  stream.close();
  $("state").textContent = "csre dash has ended";
});
stream.onerror = () => {
  if (stream.readyState !== EventSource.CLOSED) $("state").textContent = "no connection; trying again";
};
requestAnimationFrame(paint);
