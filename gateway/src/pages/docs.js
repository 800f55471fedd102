// Shows /openapi.json: a searchable list of operations, each with its parameters, schemas and a
// curl example. All text is set as text, never as markup.
"use strict";

const TEXTS = {
  "zh-CN": {
    other: "English", search: "搜索接口", access: "访问权限", parameters: "参数", body: "请求体",
    answer: "响应", example: "示例", name: "名称", place: "位置", type: "类型", about: "说明",
    required: "必填", anonymous: "无需令牌", permission: "权限", kinds: "调用方", nothing: "没有匹配的接口",
    choose: "请选择一个接口", failed: "无法加载文档", fields: "字段", at_most: "最多", characters: "个字符",
    items: "项", user: "用户", device: "设备", partner: "合作系统", operator: "运维", errors: "错误",
    errors_text: "错误以 application/problem+json 返回（RFC 9457）；程序应依据 reason 判断。",
    path: "路径", query: "查询", header: "请求头",
  },
  en: {
    other: "中文", search: "Search operations", access: "Access", parameters: "Parameters",
    body: "Request body", answer: "Answer", example: "Example", name: "Name", place: "In",
    type: "Type", about: "Description", required: "required", anonymous: "no token needed",
    permission: "Permission", kinds: "Callers", nothing: "No operation matches",
    choose: "Choose an operation", failed: "The document could not be loaded", fields: "Fields",
    at_most: "at most", characters: "characters", items: "items", user: "users",
    device: "devices", partner: "partner systems", operator: "operator", errors: "Errors",
    errors_text: "Errors are application/problem+json (RFC 9457); programs decide on reason.",
    path: "path", query: "query", header: "header",
  },
};
const DEPTH_MAX = 6;

let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh-CN" : "en");
if (!TEXTS[language]) language = "en";
let api = null;
let operations = [];

const text = (key) => TEXTS[language][key] || key;
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolve(schema) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? { ...api.components.schemas[name], title: shortName(name) } : schema || {};
}

const shortName = (name) => name.split(".").pop();

function typeOf(schema) {
  const full = resolve(schema);
  if (full.type === "array") return `${typeOf(full.items)}[]`;
  if (full.title) return full.title;
  if (full.additionalProperties && full.additionalProperties !== true) {
    return `map<string, ${typeOf(full.additionalProperties)}>`;
  }
  return full.format ? `${full.type} (${full.format})` : full.type || "any";
}

function limits(schema) {
  const parts = [];
  if (schema.maxLength) parts.push(`${text("at_most")} ${schema.maxLength} ${text("characters")}`);
  if (schema.maxItems) parts.push(`${text("at_most")} ${schema.maxItems} ${text("items")}`);
  if (schema.pattern) parts.push(schema.pattern);
  return parts.join("; ");
}

function fieldRows(schema, depth) {
  const full = resolve(schema);
  const required = new Set(full.required || []);
  return Object.entries(full.properties || {}).map(([name, field]) => {
    const inner = resolve(field.type === "array" ? field.items : field);
    const note = limits(field);
    const cell = element("td", {},
      element("div", { class: "text" }, field.description || ""),
      note ? element("div", { class: "quiet" }, note) : null);
    if (inner.enum) cell.append(more(inner.title, element("div", { class: "text" }, inner.description || inner.enum.join(", "))));
    else if (inner.properties && depth < DEPTH_MAX) cell.append(lazy(inner.title || text("fields"), () => fieldTable(inner, depth + 1)));
    return element("tr", {},
      element("td", {}, element("code", {}, name), required.has(name) ? element("div", { class: "quiet" }, text("required")) : null),
      element("td", { class: "mono" }, typeOf(field)), cell);
  });
}

const more = (title, content) =>
  element("details", {}, element("summary", {}, title || text("fields")), content);

function lazy(title, make) {
  const details = more(title, "");
  details.addEventListener("toggle", () => { if (details.childElementCount < 2) details.append(make()); });
  return details;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((key) => element("th", { scope: "col" }, text(key))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

const fieldTable = (schema, depth) => table(["name", "type", "about"], fieldRows(schema, depth));

function sample(schema, depth = 0) {
  const full = resolve(schema);
  if (full.enum) return full.enum[1] || full.enum[0];
  if (full.type === "array") return depth > 3 ? [] : [sample(full.items, depth + 1)];
  if (full.type === "object") {
    if (depth > 3) return {};
    const required = full.required || [];
    const names = Object.keys(full.properties || {}).filter((name) => !full.properties[name].readOnly);
    const shown = required.length ? names.filter((name) => required.includes(name)) : names.slice(0, 4);
    return Object.fromEntries(shown.map((name) => [name, sample(full.properties[name], depth + 1)]));
  }
  if (full.type === "integer" || full.type === "number") return 1;
  if (full.type === "boolean") return true;
  if (full.format === "date-time") return "2026-11-01T09:00:00Z";
  if (full.format === "int64") return "1";
  const resource = /^\^\(([^|)]+)/.exec(full.pattern || "");
  return resource ? `${resource[1].replace("(", "")}/…` : "…";
}

const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;

function curl(operation) {
  const path = operation.path.replaceAll(/\{[^}]+\}/g, "…");
  const required = (operation.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = required.map((p) => `${p.name}=${encodeURIComponent(sample(p.schema))}`).join("&");
  const lines = [`curl ${operation.verb === "GET" ? "" : `-X ${operation.verb} `}${quoted(location.origin + path + (query ? `?${query}` : ""))}`];
  if (operation.security.length) lines.push('-H "Authorization: Bearer $TOKEN"');
  const content = operation.requestBody && operation.requestBody.content;
  if (content && content["application/json"]) {
    lines.push("-H 'Content-Type: application/json'");
    lines.push(`-d ${quoted(JSON.stringify(sample(content["application/json"].schema), null, 2))}`);
  } else if (content) {
    const form = Object.values(content)[0].schema;
    const names = new Set([...(form.required || []), "username", "password"]);
    for (const name of Object.keys(form.properties).filter((known) => names.has(known))) {
      const value = name === "grant_type" ? "password" : "…";
      lines.push(`--data-urlencode ${quoted(`${name}=${value}`)}`);
    }
  }
  const answers = operation.responses["200"] && operation.responses["200"].content;
  if (answers && answers["text/event-stream"]) lines.push("-N");
  return lines.join(" \\\n  ");
}

function accessText(operation) {
  const access = operation["x-access"];
  if (access.anonymous) return text("anonymous");
  const kinds = access.kinds.map((kind) => text(kind)).join(", ");
  const permission = access.permission ? `${text("permission")}: ${access.permission}. ` : "";
  return `${permission}${text("kinds")}: ${kinds}.`;
}

function showDetail(operation) {
  const detail = byId("detail");
  detail.replaceChildren();
  if (!operation) {
    detail.append(element("p", { class: "quiet" }, text("choose")));
    return;
  }
  const section = (key, ...content) => detail.append(element("h2", {}, text(key)), ...content);
  detail.append(
    element("h1", {}, operation.summary),
    element("div", { class: "route mono" }, element("b", {}, operation.verb), ` ${operation.path}`),
    element("div", { class: "quiet mono" }, `gRPC ${operation["x-grpc-method"]}`),
    element("p", { class: "text" }, operation.description));
  section("access", element("p", {}, accessText(operation)));
  section("example", element("pre", {}, curl(operation)));
  if (operation.parameters.length) {
    section("parameters", table(["name", "place", "type", "about"], operation.parameters.map((p) =>
      element("tr", {},
        element("td", {}, element("code", {}, p.name), p.required ? element("div", { class: "quiet" }, text("required")) : null),
        element("td", {}, text(p.in)), element("td", { class: "mono" }, typeOf(p.schema)),
        element("td", { class: "text" }, p.description || "")))));
  }
  for (const [kind, content] of Object.entries((operation.requestBody || {}).content || {})) {
    section("body", element("p", { class: "quiet mono" }, kind), fieldTable(content.schema, 0));
  }
  const answer = operation.responses["200"];
  for (const [kind, content] of Object.entries((answer && answer.content) || {})) {
    section("answer", element("p", { class: "quiet mono" }, kind), fieldTable(content.schema, 0));
  }
  section("errors", element("p", {}, text("errors_text")),
    lazy("Problem", () => fieldTable(api.components.schemas.Problem, 0)));
}

function current() {
  const id = decodeURIComponent(location.hash.slice(1));
  return operations.find((operation) => operation.operationId === id);
}

function showList() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = current();
  const list = byId("list");
  list.replaceChildren();
  let tag = null;
  for (const operation of operations) {
    if (!words.every((word) => operation.haystack.includes(word))) continue;
    if (operation.tags[0] !== tag) {
      tag = operation.tags[0];
      list.append(element("h2", {}, tag));
    }
    list.append(element("a", {
      href: `#${encodeURIComponent(operation.operationId)}`,
      title: operation.summary,
      "aria-current": operation === chosen ? "page" : null,
    }, element("span", { class: "verb" }, operation.verb), element("span", { class: "mono" }, operation.path)));
  }
  if (!tag) list.append(element("p", { class: "quiet" }, text("nothing")));
}

function showAll() {
  document.documentElement.lang = language;
  byId("language").textContent = text("other");
  byId("search").placeholder = text("search");
  for (const made of document.querySelectorAll("[data-text]")) made.textContent = text(made.dataset.text);
  if (!api) return;
  showList();
  showDetail(current());
}

async function start() {
  showAll();
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(answer.status);
    api = await answer.json();
  } catch (error) {
    byId("detail").append(element("p", {}, `${text("failed")} (${error.message})`));
    return;
  }
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const haystack = [path, verb, operation.summary, operation.operationId, operation.description].join(" ").toLowerCase();
      operations.push({ ...operation, path, verb: verb.toUpperCase(), haystack });
    }
  }
  operations.sort((a, b) => a.tags[0].localeCompare(b.tags[0]) || a.path.localeCompare(b.path));
  showAll();
}

byId("search").addEventListener("input", showList);
byId("language").addEventListener("click", () => {
  language = language === "en" ? "zh-CN" : "en";
  localStorage.setItem("language", language);
  showAll();
});
addEventListener("hashchange", () => { showAll(); byId("detail").focus(); scrollTo(0, 0); });
start();
