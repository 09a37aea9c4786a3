"use strict";
/* The table of utterances: a page of rows at a time, of those that are searched and filtered for. */
(() => {
  const place = document.getElementById("utterances");
  if (!place) return;
  const data = (name) => JSON.parse(document.getElementById(`utterances-${name}`).textContent);
  const sets = data("sets");
  /* The rows of a set, which are read when somebody looks at it: they are most of the page. */
  const rowsOf = (number) => (sets[number].rows ??= data(number));
  const PAGE = 25;
  const SHORT = 320; // characters of an output that a row shows
  const MOST_CELLS = 250000; // of an alignment; longer ones are shown without marks
  const UNIT = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]|[^\s\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+/gu;

  const state = { set: 0, sort: "size", down: true, page: 0, search: "", speaker: "", language: "", which: "" };
  const open = new Set();

  function make(name, attributes = {}, ...content) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
    }
    element.append(...content.flat().filter((part) => part !== null && part !== undefined));
    return element;
  }
  const bdi = (text) => make("bdi", {}, text);

  /* Words with what they are compared by: without case and punctuation. */
  function units(text) {
    return (text.match(UNIT) ?? []).map((written) => {
      const key = written.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{M}\p{N}]/gu, "");
      return { written, key: key || written };
    });
  }

  /* Said against right, word by word, with the fewest edits: [kind, right, said], in order. */
  function aligned(right, said) {
    const width = said.length + 1;
    const cost = new Uint32Array((right.length + 1) * width);
    for (let i = 0; i <= right.length; i += 1) {
      for (let j = 0; j <= said.length; j += 1) {
        if (!i || !j) { cost[i * width + j] = i + j; continue; }
        const same = right[i - 1].key === said[j - 1].key ? 0 : 1;
        cost[i * width + j] = Math.min(
          cost[(i - 1) * width + j - 1] + same,
          cost[(i - 1) * width + j] + 1,
          cost[i * width + j - 1] + 1,
        );
      }
    }
    const edits = [];
    let i = right.length, j = said.length;
    while (i || j) {
      const here = cost[i * width + j];
      const same = i && j && right[i - 1].key === said[j - 1].key;
      if (i && j && here === cost[(i - 1) * width + j - 1] + (same ? 0 : 1)) {
        edits.push([same ? "same" : "other", right[--i], said[--j]]);
      } else if (i && here === cost[(i - 1) * width + j] + 1) edits.push(["missing", right[--i], null]);
      else edits.push(["added", null, said[--j]]);
    }
    return edits.reverse();
  }

  function marked(reference, said) {
    const right = units(reference ?? ""), words = units(said);
    if (!right.length || right.length * words.length > MOST_CELLS) return [bdi(said)];
    const gone = (unit) => make("del", { class: "miss", title: "missing" }, unit.written);
    const wrong = (unit) => make("ins", { class: "wrong", title: "not in the reference" }, unit.written);
    const parts = [];
    for (const [kind, was, is] of aligned(right, words)) {
      if (kind === "same") parts.push(is.written, " ");
      if (was && kind !== "same") parts.push(gone(was), " ");
      if (is && kind !== "same") parts.push(wrong(is), " ");
    }
    return [make("bdi", {}, ...parts)];
  }

  const total = (output) => output?.errors ? output.errors.reduce((sum, n) => sum + n, 0) : null;
  const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

  function counted(output) {
    if (!output) return "";
    const parts = [];
    if (output.errors) {
      const [s, d, i] = output.errors;
      parts.push(total(output) ? `${plural(total(output), "error")} (S ${s}, D ${d}, I ${i})` : "no errors");
    }
    if (output.right !== undefined) parts.push(output.right ? "right" : "wrong");
    if (output.reward !== undefined) parts.push(output.reward === null ? "no reward" : `reward ${output.reward.toFixed(3)}`);
    return parts.join(", ");
  }

  function said(row, output, whole) {
    if (!output) return [make("span", { class: "muted" }, "not measured")];
    const parts = [];
    if (output.text !== undefined && output.text !== null) {
      const long = !whole && output.text.length > SHORT;
      const text = long ? `${output.text.slice(0, SHORT)} …` : output.text;
      const plain = long || total(output) === 0 || output.right !== undefined;
      if (!text) parts.push(make("span", { class: "muted" }, "(nothing)"));
      parts.push(...(plain ? [bdi(text)] : marked(row.reference, text)));
      if (long) parts.push(make("span", { class: "muted" }, ` ${plural(output.text.length, "character")}`));
    }
    if (output.sound) parts.push(player(output.sound, "generated speech"));
    for (const badge of output.badges ?? []) parts.push(" ", make("span", { class: "badge run-away" }, badge));
    parts.push(make("span", { class: "error-count" }, counted(output)));
    return parts;
  }

  function player(sound, name) {
    if (!sound) return make("span", { class: "muted" }, "no file");
    if (sound.startsWith("data:")) {
      return make("audio", { controls: true, preload: "none", src: sound, "aria-label": `Sound of ${name}` });
    }
    const button = make("button", { type: "button", class: "play", "aria-label": `Play ${name} from its file` }, "▶ play file");
    button.addEventListener("click", () => {
      const audio = make("audio", { controls: true, src: sound, "aria-label": `Sound of ${name}` });
      audio.addEventListener("error", () => audio.replaceWith(make("span", { class: "muted" }, "cannot be played from here: ", bdi(decodeURI(sound)))));
      button.replaceWith(audio);
      audio.play().catch(() => {});
    });
    return button;
  }

  const figure = (value) => typeof value === "number" ? String(Math.round(value * 1000) / 1000) : String(value);

  function hypotheses(row, step) {
    const names = [...new Set(step.hypotheses.flatMap((h) => Object.keys(h.scores ?? {})))];
    const head = ["", "hypothesis", "reward", ...names, "log-probability"];
    const body = step.hypotheses.map((h, index) => make("tr", {},
      make("td", { "data-head": "hypothesis" }, `${index + 1}`, h.kept ? make("span", { class: "kept" }, " kept") : null),
      make("td", { class: "said" }, said(row, { ...h, reward: undefined }, true)),
      make("td", { class: "number", "data-head": "reward" }, h.reward === null ? "none" : figure(h.reward)),
      ...names.map((name) => make("td", { class: "number", "data-head": name }, h.scores?.[name] === null || h.scores?.[name] === undefined ? "none" : figure(h.scores[name]))),
      make("td", { class: "number", "data-head": "log-probability" }, h.logprob === null || h.logprob === undefined ? "" : h.logprob.toFixed(2)),
    ));
    return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text, n) => make("th", { scope: "col", class: n > 1 ? "number" : "words" }, text)))), make("tbody", {}, ...body));
  }

  function opened(row, columns, identity) {
    const parts = [];
    parts.push(make("h4", {}, "Reference"), bdi(row.reference ?? "unknown"));
    const known = Object.entries({ id: row.id, speaker: row.speaker, language: row.language, "seconds": row.seconds, ...row.metadata });
    const facts = known.filter(([, value]) => value !== undefined && value !== null);
    parts.push(make("p", { class: "id" }, ...facts.flatMap(([key, value], n) => [n ? " · " : "", bdi(key), " ", bdi(figure(value))])));
    sets[state.set].outputs.forEach((name, n) => {
      if (row.outputs[n]) parts.push(make("h4", {}, name), make("div", {}, ...said(row, row.outputs[n], true)));
    });
    for (const step of row.steps ?? []) {
      parts.push(make("h4", {}, step.name));
      parts.push(step.hypotheses ? hypotheses(row, step) : make("div", {}, ...said(row, step, true)));
    }
    return make("tr", { class: "opened", id: identity }, make("td", { colspan: columns }, ...parts));
  }

  const changed = (row) => row.change === null || row.change === undefined ? null : row.change;
  function change(row) {
    const value = changed(row);
    if (value === null) return make("span", { class: "muted" }, "–");
    const kind = value > 0 ? "better" : value < 0 ? "harmed" : "";
    const word = value > 0 ? "▲ better" : value < 0 ? "▼ worse" : "same";
    const by = sets[state.set].unit === "errors" && value ? ` by ${Math.abs(value)}` : "";
    return make("span", { class: kind }, `${word}${by}`);
  }

  const isRunaway = (row) => row.outputs.some((output) => output?.badges?.includes("run-away"));
  const WHICH = {
    "": ["all", () => true],
    improved: ["improved", (row) => changed(row) > 0],
    harmed: ["harmed", (row) => changed(row) < 0],
    same: ["neither", (row) => changed(row) === 0],
    runaway: ["run-away", isRunaway],
    sound: ["with embedded sound", (row) => row.sound?.startsWith("data:")],
  };
  const of = (n) => ({ outputs }) => {
    const output = outputs[n];
    if (!output) return null;
    if (sets[state.set].unit === "reward") return output.reward;
    return output.right === undefined ? total(output) : Number(output.right);
  };
  const SORTS = {
    size: ["most improved and most harmed", (row) => changed(row) === null ? null : Math.abs(changed(row))],
    change: ["change", changed],
    id: ["utterance", (row) => row.id],
    speaker: ["speaker", (row) => row.speaker ?? null],
    reference: ["reference", (row) => row.reference ?? null],
    seconds: ["length of the clip", (row) => row.seconds ?? null],
  };
  const sortOf = (key) => key.startsWith("out") ? of(Number(key.slice(3))) : SORTS[key][1];

  function haystack(row) {
    row.haystack ??= [row.id, row.reference, row.speaker, row.language, ...row.outputs.map((output) => output?.text), ...Object.values(row.metadata ?? {})]
      .filter((text) => text !== undefined && text !== null).join("\n").toLowerCase();
    return row.haystack;
  }

  function chosen() {
    const wanted = state.search.trim().toLowerCase();
    const rows = rowsOf(state.set).filter((row) =>
      (!state.speaker || row.speaker === state.speaker) && (!state.language || row.language === state.language) &&
      WHICH[state.which][1](row) && (!wanted || haystack(row).includes(wanted)));
    const key = sortOf(state.sort), sign = state.down ? -1 : 1;
    const missing = (value) => value === null || value === undefined;
    const keyed = rows.map((row, order) => ({ row, order, by: key(row) }));
    keyed.sort((a, b) => {
      if (missing(a.by) || missing(b.by)) return missing(a.by) - missing(b.by) || a.order - b.order;
      const order = typeof a.by === "string" ? a.by.localeCompare(b.by) : a.by - b.by;
      return sign * order || a.order - b.order;
    });
    return keyed.map(({ row }) => row);
  }

  const values = (key) => [...new Set(rowsOf(state.set).map((row) => row[key]).filter(Boolean))].sort((a, b) => a.localeCompare(b));
  function select(label, options, value, heard) {
    const made = options.map(([key, text]) => make("option", { value: key, selected: key === value }, text));
    return make("label", {}, label, make("select", { "aria-label": label, onchange: (event) => heard(event.target.value) }, ...made));
  }
  function set(changes) {
    Object.assign(state, { page: 0 }, changes);
    show();
  }

  const tools = make("div", { class: "tools", role: "search" });
  const legend = make("p", { class: "legend" });
  const count = make("p", { class: "muted", role: "status", "aria-live": "polite" });
  const body = make("div");
  const pages = make("div", { class: "pages" });
  place.replaceChildren(tools, legend, count, body, pages);

  function showTools() {
    const any = (key) => [["", "all"], ...values(key).map((value) => [value, value])];
    const named = sets.map((one, n) => [String(n), `${one.name} (${one.count.toLocaleString("en")})`]);
    const sorts = [...Object.entries(SORTS).map(([key, [name]]) => [key, name]), ...sets[state.set].outputs.map((name, n) => [`out${n}`, `${sets[state.set].unit} of ${name}`])];
    const parts = [
      sets.length > 1 ? select("Set", named, String(state.set), (value) => { open.clear(); set({ set: Number(value), speaker: "", language: "", which: "", sort: "size", down: true }); showTools(); }) : null,
      make("label", { class: "search" }, "Search", make("input", { type: "search", value: state.search, placeholder: "words, id, speaker", oninput: (event) => set({ search: event.target.value }) })),
      select("Show", Object.entries(WHICH).map(([key, [name]]) => [key, name]), state.which, (which) => set({ which })),
      values("speaker").length > 1 ? select("Speaker", any("speaker"), state.speaker, (speaker) => set({ speaker })) : null,
      values("language").length > 1 ? select("Language", any("language"), state.language, (language) => set({ language })) : null,
      select("Sort by", sorts, state.sort, (sort) => set({ sort, down: !["id", "speaker", "reference"].includes(sort) })),
    ];
    tools.replaceChildren(...parts.filter(Boolean));
    legend.replaceChildren(sets[state.set].note, " ", make("del", { class: "miss" }, "missing word"), " ", make("ins", { class: "wrong" }, "word that is not in the reference"));
  }

  function head(key, text, kind) {
    const sorted = state.sort === key;
    const press = () => { set({ sort: key, down: sorted ? !state.down : !["id", "reference"].includes(key) }); showTools(); place.querySelector(`[data-sort="${key}"]`)?.focus(); };
    return make("th", { scope: "col", class: kind, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" },
      make("button", { type: "button", "data-sort": key, onclick: press }, text));
  }

  function show() {
    const rows = chosen(), { outputs, name } = sets[state.set];
    const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
    state.page = Math.min(state.page, last);
    const first = state.page * PAGE, shown = rows.slice(first, first + PAGE);
    const columns = 4 + outputs.length;
    const heads = make("tr", {}, make("th", { scope: "col", class: "sound" }, "sound"), head("id", "utterance", "clip"), head("reference", "reference"),
      ...outputs.map((text, n) => head(`out${n}`, text)), head("change", "change", "short"));
    const made = shown.flatMap((row, n) => {
      const identity = `opened-${first + n}`, isOpen = open.has(row);
      const toggle = () => { if (isOpen) open.delete(row); else open.add(row); show(); place.querySelector(`[aria-controls="${identity}"]`)?.focus(); };
      const more = make("button", { type: "button", class: "more", "aria-expanded": String(isOpen), "aria-controls": identity, "aria-label": `${isOpen ? "Less" : "More"} of ${row.id}`, onclick: toggle }, isOpen ? "less ▴" : "more ▾");
      const line = make("tr", {},
        make("td", { class: "sound" }, player(row.sound, row.id)),
        make("th", { scope: "row", class: "clip" }, make("span", { class: "id" }, bdi(row.id)), row.speaker ? make("span", { class: "error-count" }, bdi(row.speaker)) : null, more),
        make("td", { "data-head": "reference" }, row.reference === null || row.reference === undefined ? make("span", { class: "muted" }, "unknown") : bdi(row.reference)),
        ...outputs.map((text, at) => make("td", { "data-head": text }, ...said(row, row.outputs[at], false))),
        make("td", { class: "short", "data-head": "change" }, change(row)));
      return isOpen ? [line, opened(row, columns, identity)] : [line];
    });
    body.replaceChildren(make("table", { class: "rows" }, make("caption", { class: "for-readers" }, `Utterances: ${name}`), make("thead", {}, heads), make("tbody", {}, ...made)));
    count.textContent = rows.length ? `${first + 1} to ${first + shown.length} of ${plural(rows.length, "utterance")}` : "No utterance is like that: search for less, or show all.";
    const turn = (text, page) => make("button", { type: "button", disabled: page < 0 || page > last, onclick: () => { state.page = page; show(); place.scrollIntoView(); } }, text);
    pages.replaceChildren(...(last ? [turn("← previous", state.page - 1), `page ${state.page + 1} of ${last + 1}`, turn("next →", state.page + 1)] : []));
  }

  showTools();
  show();
})();
