'use strict';
(() => {
  const forms = Array.from(document.querySelectorAll('form.filter'));
  for (const form of forms) {
    const table = form.parentElement.querySelector('table.findings');
    if (!table) continue;
    const rows = Array.from(table.tBodies[0].rows, row => ({ row, text: row.textContent.toLowerCase() }));
    const shown = form.querySelector('output');
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
    apply();
  }
  document.addEventListener('keydown', event => {
    if (event.key === '/' && forms.length && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      // The filter of the report that is looked at: the last that begins above the middle of the window.
      const above = forms.filter(form => form.getBoundingClientRect().top < innerHeight / 2);
      (above.pop() || forms[0]).text.focus();
    }
  });
})();
