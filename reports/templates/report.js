"use strict";
(function () {
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (one) { one.open = true; });
  });
  var tools = document.getElementById("tools");
  var word = document.getElementById("filter-word");
  var text = document.getElementById("filter-text");
  var told = document.getElementById("filter-told");
  var clauses = Array.prototype.slice.call(document.querySelectorAll(".clause"));
  var groups = Array.prototype.slice.call(document.querySelectorAll(".group"));
  var profiles = Array.prototype.slice.call(document.querySelectorAll(".profile"));
  if (!tools || !clauses.length) { return; }
  tools.hidden = false;
  var texts = null;
  var waiting = 0;
  function shown(node) { return Boolean(node.querySelector(".clause:not([hidden])")); }
  function apply() {
    var wanted = word.value;
    var part = text.value.trim().toLowerCase();
    var count = 0;
    if (part && !texts) {
      texts = clauses.map(function (clause) { return clause.textContent.toLowerCase(); });
    }
    clauses.forEach(function (clause, i) {
      var words = " " + clause.getAttribute("data-words") + " ";
      var ok = (!wanted || words.indexOf(" " + wanted + " ") >= 0) && (!part || texts[i].indexOf(part) >= 0);
      clause.hidden = !ok;
      count += ok ? 1 : 0;
    });
    groups.forEach(function (group) { group.hidden = !shown(group); });
    profiles.forEach(function (profile) {
      profile.hidden = !shown(profile);
      if (wanted || part) { profile.querySelector("details").open = true; }
    });
    told.textContent = wanted || part ? count + " of " + clauses.length + " clauses" : "";
  }
  word.addEventListener("change", apply);
  text.addEventListener("input", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(apply, 120);
  });
}());
