'use strict';
(() => {
  const form = document.getElementById('filter');
  const table = document.getElementById('findings');
  if (!form || !table) return;
  const rows = Array.from(table.tBodies[0].rows, row => ({ row, text: row.textContent.toLowerCase() }));
  const shown = document.getElementById('shown');
  const apply = () => {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = name => form.elements[name].value;
    let count = 0;
    for (const { row, text } of rows) {
      const fits = ['severity', 'check', 'origin'].every(name => !wanted(name) || row.dataset[name] === wanted(name))
        && words.every(word => text.includes(word));
      row.hidden = !fits;
      if (fits) count += 1;
    }
    shown.textContent = count + ' of ' + rows.length + ' shown';
  };
  form.hidden = false;
  form.addEventListener('input', apply);
  form.addEventListener('submit', event => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(apply, 0));
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      form.text.focus();
    }
  });
  apply();
})();
