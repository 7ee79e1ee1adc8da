"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const page = 300; // rows and findings that are added at a time

  // make builds an element. Strings become text, never markup.
  const make = (name, attrs, ...children) => {
    const el = document.createElement(name);
    for (const [k, v] of Object.entries(attrs || {})) {
      if (k === "on") for (const [event, f] of Object.entries(v)) el.addEventListener(event, f);
      else if (v !== undefined && v !== null && v !== "") el.setAttribute(k, v);
    }
    for (const c of children.flat()) if (c !== undefined && c !== null && c !== "") el.append(c);
    return el;
  };
  const code = (text) => make("code", {}, text);
  const count = (n, one, many) => n.toLocaleString("en") + " " + (n === 1 ? one : many);

  const main = make("main");
  document.body.append(
    make("header", {},
      make("h1", {}, report.title),
      make("p", { class: "headline " + report.outcome, role: "status" }, report.headline),
      make("dl", { class: "facts" }, (report.facts || []).flatMap((f) => [make("dt", {}, f.name), make("dd", { class: "code" }, f.value)]))),
    main);

  // Who gains, who loses.
  const most = 12;
  const who = [];
  for (const a of report.access) {
    for (const [verb, calls, cls] of [["can now", a.gains || [], "gains"], ["can no longer", a.loses || [], "loses"]]) {
      if (calls.length === 0) continue;
      const li = make("li", { class: cls }, make("strong", {}, a.who), " " + verb + " ");
      calls.slice(0, most).forEach((c, i) => li.append(i ? ", " : "", code(c)));
      if (calls.length > most) li.append(" and " + count(calls.length - most, "more call", "more calls"));
      who.push(li);
    }
  }
  if (who.length) main.append(make("h2", {}, "Who gains and who loses"), make("ul", { class: "who" }, who));

  // Filters, for the table and the findings alike.
  const filter = { text: "", severities: new Set(), states: new Set() };
  const search = make("input", { type: "search", placeholder: "Filter by path, method, permission, rule …", "aria-label": "Filter", on: { input: () => { filter.text = search.value.toLowerCase(); refresh(); } } });
  const controls = make("div", { class: "controls", role: "search" }, search);
  const toggle = (set, value, label) => {
    const b = make("button", { type: "button", "aria-pressed": "false" }, label);
    b.addEventListener("click", () => {
      const on = !set.has(value);
      if (on) set.add(value); else set.delete(value);
      b.setAttribute("aria-pressed", String(on));
      refresh();
    });
    controls.append(b);
  };
  const tally = (list, key) => {
    const m = new Map();
    for (const x of list) m.set(x[key], (m.get(x[key]) || 0) + 1);
    return m;
  };
  const bySeverity = tally(report.findings, "severity");
  for (const s of ["error", "warning", "info"]) if (bySeverity.has(s)) toggle(filter.severities, s, s + " " + bySeverity.get(s));
  const rows = report.matrix ? report.matrix.rows || [] : [];
  const byState = tally(rows, "state");
  if (byState.size > 1) for (const [s, n] of byState) if (s) toggle(filter.states, s, s + " " + n);
  const shown = make("span", { class: "count", "aria-live": "polite" });
  controls.append(shown);
  main.append(controls);

  const matches = (...texts) => filter.text.split(/\s+/).every((word) => texts.some((t) => t && t.includes(word)));
  const words = (f) => f.words || (f.words = [f.subject, f.message, f.rule, f.title, f.was, f.now, f.position, ...(f.evidence || [])].map((t) => (t || "").toLowerCase()));
  const rowWords = (r) => r.words || (r.words = [(r.method + " " + r.path).toLowerCase(), r.state, (r.title || "").toLowerCase(), ...r.cells.map((c) => ((c.title || "") + " " + c.text).toLowerCase())]);

  // list shows items a page at a time.
  const list = (box, render) => {
    let items = [], at = 0;
    const more = make("button", { type: "button", on: { click: () => step() } });
    const step = () => {
      const next = items.slice(at, at + page).map(render);
      box.append(...next);
      at += next.length;
      more.textContent = "Show " + Math.min(page, items.length - at) + " of " + count(items.length - at, "more", "more");
      more.hidden = at >= items.length;
    };
    return { more, set: (to) => { items = to; at = 0; box.replaceChildren(); step(); } };
  };

  // Findings.
  const line = (label, text) => text ? make("p", {}, make("span", { class: "label" }, label + " "), text) : null;
  const finding = (f) => make("details", { class: "finding " + f.severity },
    make("summary", {},
      make("span", { class: "tag " + f.severity }, f.severity),
      make("span", { class: "subject code" }, f.subject),
      make("span", {}, f.title),
      f.position ? make("span", { class: "place code" }, f.position) : null),
    make("div", { class: "body" },
      f.was || f.now ? make("div", { class: "change" }, make("span", {}, "before"), code(f.was || "—"), make("span", {}, "now"), code(f.now || "—")) : make("p", {}, f.message),
      f.evidence ? make("ul", { class: "evidence" }, f.evidence.map((e) => make("li", {}, code(e)))) : null,
      line("Why it matters:", f.why), line("Next:", f.fix),
      make("p", { class: "label" }, [f.rule, f.refs, "fingerprint " + f.fingerprint].filter(Boolean).join(" · "))));
  const findings = make("div", { id: "findings" });
  const noFindings = make("p", { class: "empty" });
  const findingList = list(findings, finding);

  // The table.
  let rowList = null;
  const noRows = make("p", { class: "empty" }, "No endpoint fits the filter.");
  const tbody = make("tbody");
  if (report.matrix) {
    const m = report.matrix;
    const mark = m.plain ? "" : "mark";
    rowList = list(tbody, (r) => make("tr", {},
      make("th", { scope: "row" }, make("button", { class: "row code", type: "button", title: r.title || "Show only this endpoint", on: { click: () => pick(r) } },
        r.method ? make("span", { class: "method" }, r.method) : null, r.path)),
      r.cells.map((c) => make("td", { class: [mark, c.tone].filter(Boolean).join(" "), title: c.title }, m.plain && !c.tone ? code(c.text) : c.text))));
    main.append(make("h2", {}, "Endpoints"),
      make("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Endpoints" },
        make("table", {}, m.caption ? make("caption", {}, m.caption) : null,
          make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "endpoint"), m.columns.map((c) => make("th", { scope: "col", class: mark }, c)))),
          tbody)),
      noRows, rowList.more,
      make("ul", { class: "legend" }, (m.legend || []).map((c) => make("li", {}, make("b", {}, c.text), " " + c.title))));
  }
  const pick = (r) => {
    search.value = (r.method + " " + r.path).trim();
    filter.text = search.value.toLowerCase();
    refresh();
  };
  // Tables that are read on their own, and filtered with the others.
  const tables = (report.tables || []).map((t) => {
    const body = make("tbody");
    main.append(make("h2", {}, t.title),
      make("div", { class: "table", tabindex: "0", role: "region", "aria-label": t.title },
        make("table", { class: "texts" }, make("caption", {}, t.caption),
          make("thead", {}, make("tr", {}, t.columns.map((c) => make("th", { scope: "col" }, c)))), body)));
    const lines = t.rows.map((cells) => ({
      words: cells.map((c) => (c.text + " " + (c.title || "")).toLowerCase()),
      el: make("tr", {}, cells.map((c, i) => make(i ? "td" : "th", { scope: i ? null : "row", class: c.tone, title: c.title }, c.text))),
    }));
    return () => body.replaceChildren(...lines.filter((l) => matches(...l.words)).map((l) => l.el));
  });
  main.append(make("h2", {}, "Findings"), findings, noFindings, findingList.more);

  const refresh = () => {
    const fs = report.findings.filter((f) => (!filter.severities.size || filter.severities.has(f.severity)) && matches(...words(f)));
    findingList.set(fs);
    noFindings.hidden = fs.length > 0;
    noFindings.textContent = report.findings.length ? "No finding fits the filter." : "Nothing was found.";
    for (const show of tables) show();
    let text = count(fs.length, "finding", "findings");
    if (rowList) {
      const rs = rows.filter((r) => (!filter.states.size || filter.states.has(r.state)) && matches(...rowWords(r)));
      rowList.set(rs);
      noRows.hidden = rs.length > 0;
      text = count(rs.length, "endpoint", "endpoints") + ", " + text;
    }
    shown.textContent = text;
    if (fs.length && fs.length <= 3) for (const d of findings.children) d.open = true;
  };
  refresh();

  if (report.notes && report.notes.length) main.append(make("h2", {}, "Left open"), make("ul", {}, report.notes.map((n) => make("li", {}, n))));
  document.body.append(make("footer", {}, "permcheck " + report.version + " · ", make("kbd", {}, "/"), " filter, ", make("kbd", {}, "Esc"), " clear, ", make("kbd", {}, "Tab"), " and ", make("kbd", {}, "Enter"), " to go through. This file loads nothing from elsewhere."));

  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && document.activeElement !== search) {
      e.preventDefault();
      search.focus();
    } else if (e.key === "Escape") {
      search.value = filter.text = "";
      filter.severities.clear();
      filter.states.clear();
      for (const b of controls.querySelectorAll("button")) b.setAttribute("aria-pressed", "false");
      refresh();
    }
  });
})();
