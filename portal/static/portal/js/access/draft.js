// A draft of the rules: what somebody changed of the policy that they began with. Kept in this tab until it is in force
// or discarded.
"use strict";

(() => {
  const MEMBERS = ["name", "action", "sources", "destinations", "protocols", "ports", "schedule", "conditions", "enabled", "comment"];
  const EMPTY = {
    name: "", action: "accept", sources: [], destinations: [], protocols: [], ports: [], enabled: true, comment: "",
    schedule: null, conditions: [], when: "",
  };
  const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);

  // Of `ids`, those that stand where they stood relative to each other: as many as can be (a longest rising run).
  function kept(ids, before) {
    const place = new Map(before.map((id, index) => [id, index]));
    const ends = []; // The last of the best run of each length.
    const former = new Map();
    for (const id of ids.filter((item) => place.has(item))) {
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (place.get(ends[middle]) < place.get(id)) low = middle + 1;
        else high = middle;
      }
      if (low > 0) former.set(id, ends[low - 1]);
      ends[low] = id;
    }
    const found = new Set();
    for (let id = ends.at(-1); id !== undefined; id = former.get(id)) found.add(id);
    return found;
  }

  class Draft {
    constructor(version, rules) {
      this.version = version;
      this.base = new Map(rules.map((rule) => [rule.id, rule]));
      this.order = rules.map((rule) => rule.id);
      this.rows = rules.map((rule) => ({ key: `r${rule.id}`, id: rule.id, fields: {}, removed: false }));
      this.made = 0;
      this.moved = new Set();
    }

    rule(row) {
      return { ...EMPTY, ...this.base.get(row.id), ...row.fields };
    }

    // When and under which conditions a row holds, in words: as the portal says it, once it was asked. Empty: always.
    limits(row) {
      const { schedule, conditions, when } = this.rule(row);
      if (!schedule && !conditions.length) return "";
      return row.fields.schedule === undefined && row.fields.conditions === undefined ? when : row.when || "not always";
    }

    row(key) {
      return this.rows.find((item) => item.key === key);
    }

    // Where a row would stand once the draft is in force, from 1; 0 for one that is removed.
    place(row) {
      return row.removed ? 0 : this.standing().indexOf(row) + 1;
    }

    standing() {
      return this.rows.filter((item) => !item.removed);
    }

    set(row, member, value) {
      if (["schedule", "conditions"].includes(member)) delete row.when; // It was said of others.
      const was = row.id === null ? undefined : this.base.get(row.id)[member];
      if (row.id !== null && same(was, value)) delete row.fields[member];
      else row.fields[member] = value;
    }

    add(at = this.rows.length) {
      this.made += 1;
      const row = { key: `n${this.made}`, id: null, fields: {}, removed: false };
      this.rows.splice(at, 0, row);
      return row;
    }

    remove(row) {
      if (row.id === null) this.rows.splice(this.rows.indexOf(row), 1);
      else row.removed = true;
    }

    restore(row) {
      row.removed = false;
      row.fields = {};
    }

    move(row, to) {
      this.rows.splice(this.rows.indexOf(row), 1);
      this.rows.splice(to, 0, row);
      this.weigh();
    }

    weigh() {
      const ids = this.rows.filter((row) => row.id !== null).map((row) => row.id);
      const stay = kept(ids, this.order);
      this.moved = new Set(ids.filter((id) => !stay.has(id)));
    }

    // What a draft did with a row: "new", "removed", "edited", "moved" or nothing.
    state(row) {
      if (row.id === null) return "new";
      if (row.removed) return "removed";
      if (Object.keys(row.fields).length) return "edited";
      return this.moved.has(row.id) ? "moved" : "";
    }

    get changes() {
      return this.rows.filter((row) => this.state(row));
    }

    // A row that cannot be sent yet.
    get unfinished() {
      return this.standing().find((row) => !this.rule(row).sources.length || !this.rule(row).destinations.length);
    }

    // The edits that make the draft of what is in force, and the row that each is about.
    edits() {
      const edits = [];
      const keys = [];
      const say = (row, edit) => {
        edits.push(edit);
        keys.push(row.key);
      };
      for (const row of this.rows) {
        if (row.id === null) continue;
        if (row.removed) say(row, { do: "delete", id: row.id });
        else if (Object.keys(row.fields).length) say(row, { do: "update", id: row.id, fields: row.fields });
      }
      const target = this.standing();
      const gone = new Set(this.rows.filter((row) => row.removed).map((row) => row.id));
      const now = this.order.filter((id) => !gone.has(id)).map((id) => `r${id}`);
      const stay = kept(target.filter((row) => row.id !== null).map((row) => row.id), this.order);
      target.forEach((row, index) => {
        if (row.id !== null && stay.has(row.id)) return;
        if (row.id !== null) now.splice(now.indexOf(row.key), 1);
        const at = index ? now.indexOf(target[index - 1].key) + 1 : 0;
        now.splice(at, 0, row.key);
        if (row.id !== null) say(row, { do: "move", id: row.id, position: at + 1 });
        else say(row, { do: "create", position: at + 1, fields: Object.fromEntries(MEMBERS.map((name) => [name, this.rule(row)[name]])) });
      });
      return { edits, keys };
    }

    // What rules in force by now changed since this draft began: {id, kind} by rule.
    theirs(rules) {
      const now = new Map(rules.map((rule) => [rule.id, rule]));
      const found = new Map();
      const stay = kept(rules.map((rule) => rule.id), this.order);
      for (const rule of rules) {
        const was = this.base.get(rule.id);
        if (!was) found.set(rule.id, "added");
        else if (MEMBERS.some((name) => !same(was[name], rule[name]))) found.set(rule.id, "changed");
        else if (!stay.has(rule.id)) found.set(rule.id, "moved");
      }
      for (const id of this.order) if (!now.has(id)) found.set(id, "removed");
      return found;
    }

    // This draft upon rules that are in force by now, without what it does to the rules `but`.
    rebased(version, rules, but) {
      const made = new Draft(version, rules);
      made.made = this.made;
      const present = (row) => made.rows.find((item) => item.key === row.key);
      this.rows.forEach((row, index) => {
        if (!this.state(row) || but.has(row.id)) return;
        let mine = row.id === null ? { ...row } : present(row);
        if (!mine) return;
        if (row.id !== null) {
          mine.removed = row.removed;
          for (const [name, value] of Object.entries(row.fields)) made.set(mine, name, value);
        }
        if (row.id !== null && !this.moved.has(row.id)) return;
        if (row.id !== null) made.rows.splice(made.rows.indexOf(mine), 1);
        const before = this.rows.slice(0, index).reverse().map(present).find(Boolean);
        made.rows.splice(before ? made.rows.indexOf(before) + 1 : 0, 0, mine);
      });
      made.weigh();
      return made;
    }

    // --- Kept in this tab

    store(name) {
      if (!this.changes.length) {
        sessionStorage.removeItem(name);
        return;
      }
      const rules = this.order.map((id) => this.base.get(id));
      sessionStorage.setItem(name, JSON.stringify({ version: this.version, rules, rows: this.rows, made: this.made }));
    }

    static stored(name) {
      try {
        const said = JSON.parse(sessionStorage.getItem(name));
        if (!said) return null;
        const made = new Draft(said.version, said.rules);
        made.rows = said.rows;
        made.made = said.made;
        made.weigh();
        return made;
      } catch {
        return null; // Written by another version of this page.
      }
    }
  }

  Object.assign(GWAccess, { Draft, same });
})();
