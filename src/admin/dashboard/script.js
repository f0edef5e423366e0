"use strict";
// The dashboard: asks for the status every two seconds and for the newest records when the ledger has moved. All text is
// set as text, never as markup: it may hold what a stranger has sent.

const byId = (id) => document.getElementById(id);
const EVERY_MS = 2000;
const KINDS = ["hit", "stale", "revalidated", "collapsed", "miss", "bypass", "error"];
const RECORDS = 12;

let token = "";
let last = null;
let shownPosition = null;

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const count = (number) => number.toLocaleString("en");
const percent = (ratio) => (ratio === null ? "–" : (ratio * 100).toFixed(1) + " %");
const bytes = (number) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) { number /= 1024; unit += 1; }
  return number.toFixed(unit === 0 || number >= 100 ? 0 : 1) + " " + units[unit];
};
const span = (seconds) => {
  if (seconds < 60) return seconds.toFixed(0) + " s";
  if (seconds < 3600) return (seconds / 60).toFixed(0) + " min";
  if (seconds < 172800) return (seconds / 3600).toFixed(1) + " h";
  return (seconds / 86400).toFixed(1) + " d";
};
const meter = (value, max, label) => {
  const made = element("meter");
  made.max = max > 0 ? max : 1;
  made.value = value;
  made.setAttribute("aria-label", label);
  return made;
};

async function ask(path) {
  const headers = token ? { authorization: "Bearer " + token } : {};
  const answer = await fetch(path, { headers, signal: AbortSignal.timeout(10000) });
  const body = await answer.json();
  if (answer.ok) return body;
  byId("entry").hidden = answer.status !== 401;
  if (answer.status === 401) throw new Error(token ? "this is not the token" : "needs admin.token of proxy.yaml");
  throw new Error(body.detail || answer.statusText);
}

function state(text, className) {
  byId("state").textContent = text;
  byId("state").className = className;
}

function showGlance(status) {
  const total = status.routes.reduce((sum, route) => sum + KINDS.reduce((own, kind) => own + route.requests[kind], 0), 0);
  const now = performance.now();
  if (last && total >= last.total) byId("rate").textContent = ((total - last.total) / ((now - last.now) / 1000)).toFixed(1);
  last = { total, now };
  byId("ratio").textContent = percent(status.hit_ratio);
  byId("saved").textContent = span(status.routes.reduce((sum, route) => sum + route.origin_seconds_saved, 0));
  byId("position").textContent = count(status.ledger.position);
  byId("about").textContent = `${status.version} · up ${span(status.uptime_seconds)} · ${status.config.path} · store ${status.store.backend}`;
}

function showTrouble(status) {
  const lines = [];
  if (status.store.trouble) lines.push("Store: " + status.store.trouble);
  if (status.ledger.trouble) lines.push("Ledger: " + status.ledger.trouble);
  const sharing = status.ledger.sharing;
  if (sharing && sharing.trouble) lines.push("Shared ledger: " + sharing.trouble);
  for (const origin of status.origins) {
    for (const server of origin.servers) {
      if (server.trouble) lines.push(`The server ${server.server} of the origin ${origin.name} is ${server.state}: ${server.trouble}`);
    }
  }
  if (status.store.redis) lines.push(...status.store.redis.warnings);
  if (status.ledger.waiting) lines.push(`${count(status.ledger.waiting)} invalidations wait for the shared ledger`);
  if (status.config.refused.length) lines.push("The configuration was refused; the last good one is in effect:", ...status.config.refused);
  byId("trouble").textContent = lines.join("\n");
  byId("trouble").hidden = lines.length === 0;
}

function routeRow(route) {
  const row = element("tr");
  row.append(element("td", route.name), element("td", route.cache));
  const ratio = element("td", undefined, "wide");
  ratio.append(meter(route.hit_ratio ?? 0, 1, "hit ratio of " + route.name), percent(route.hit_ratio));
  row.append(ratio, ...KINDS.map((kind) => element("td", count(route.requests[kind]), "number")));
  row.append(element("td", bytes(route.bytes), "number"));
  return row;
}

function serverRow(origin, server) {
  const row = element("tr");
  row.append(element("td", origin.name), element("td", server.server, "wide"), element("td", server.state));
  row.append(...[server.under_way, server.requests, server.failures].map((number) => element("td", count(number), "number")));
  return row;
}

function tierLine(name, tier) {
  const line = element("p");
  const entries = tier.entries === 1 ? "1 response" : count(tier.entries) + " responses";
  line.append(element("small", name), meter(tier.bytes, tier.bytes_max, name + " in use"));
  line.append(element("small", `${bytes(tier.bytes)} of ${bytes(tier.bytes_max)}, ${entries}`));
  return line;
}

function cacheCard(cache) {
  const card = element("div");
  card.append(element("h3", cache.name), tierLine("memory", cache.memory));
  if (cache.store) card.append(tierLine("store", cache.store));
  return card;
}

function proxyRow(proxy) {
  const row = element("tr");
  row.append(element("td", proxy.name), element("td", proxy.id, "wide"));
  row.append(element("td", proxy.applied === null ? "another epoch" : count(proxy.applied), "number"));
  row.append(element("td", proxy.live ? "runs" : "run out"), element("td", proxy.on_isolation));
  return row;
}

function redisLine(redis) {
  const known = (value, show) => (value === null ? "?" : show(value));
  const most = redis.memory_bytes_max === 0 ? "no limit" : known(redis.memory_bytes_max, bytes);
  return `${known(redis.version, String)} · ${known(redis.memory_bytes, bytes)} of ${most} · ${known(redis.policy, String)}` +
    ` · hits ${known(redis.hits, count)}, misses ${known(redis.misses, count)}, evicted ${known(redis.evicted, count)}` +
    ` · breaker ${redis.breaker}`;
}

function showRedis(redis) {
  byId("redis").hidden = !redis;
  if (redis) byId("redis").textContent = redisLine(redis);
}

function showProxies(sharing) {
  byId("sharing").hidden = !sharing;
  if (sharing) byId("proxies").replaceChildren(...sharing.proxies.map(proxyRow));
}

function recordRow(record) {
  const row = element("tr");
  const [kind, value] = Object.entries(record.scope)[0];
  row.append(element("td", count(record.position)), element("td", new Date(record.time).toLocaleString()));
  row.append(element("td", kind === "all" ? "everything" : `${kind} ${value}`), element("td", record.mode));
  row.append(element("td", record.source), element("td", record.reason, "wide"));
  return row;
}

async function showRecords(position) {
  const after = Math.max(0, position - RECORDS);
  const ledger = await ask(`api/v1/ledger?after=${after}&limit=${RECORDS}`);
  byId("records").replaceChildren(...ledger.records.reverse().map(recordRow));
  byId("none").hidden = ledger.records.length > 0;
}

async function refresh() {
  try {
    const status = await ask("api/v1/status");
    byId("entry").hidden = true;
    showGlance(status);
    showTrouble(status);
    byId("routes").replaceChildren(...status.routes.map(routeRow));
    byId("origins").replaceChildren(...status.origins.flatMap((origin) => origin.servers.map((server) => serverRow(origin, server))));
    byId("caches").replaceChildren(...status.caches.map(cacheCard));
    showProxies(status.ledger.sharing);
    showRedis(status.store.redis);
    const position = status.ledger.epoch + status.ledger.position;
    if (position !== shownPosition) {
      await showRecords(status.ledger.position);
      shownPosition = position;
    }
    state("live", "live");
  } catch (error) {
    state(error.message, "lost");
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

byId("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  byId("token").value = "";
  refresh();
});

run();
