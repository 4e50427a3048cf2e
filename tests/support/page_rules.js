// Rules of WCAG 2.2 that a program can hold a page to. Each gives what breaks it. Evaluated in the page as one object.
({
  rules() {
    // What a name is computed from, near enough for elements of this page (accname 1.2, steps 2B to 2F).
    const textsOf = (ids) => (ids ?? "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
    const nameOf = (one) =>
      textsOf(one.getAttribute("aria-labelledby")).map((each) => each?.textContent ?? "").join(" ").trim() ||
      one.getAttribute("aria-label")?.trim() ||
      [...(one.labels ?? [])].map((each) => each.textContent).join(" ").trim() ||
      one.textContent.trim();
    const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const all = (selector) => [...document.querySelectorAll(selector)];
    const seen = (selector) => all(selector).filter(isSeen);
    const scrolls = (one) => {
      const { overflowX, overflowY } = getComputedStyle(one);
      const isLarger = one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1;
      return isLarger && /auto|scroll/.test(overflowX + overflowY);
    };
    const skipped = () => {
      let last = 0;
      return seen("h1, h2, h3, h4, h5, h6").filter((one) => {
        if (one.closest("dialog")) return false;
        const level = Number(one.localName[1]);
        const isSkipping = level > last + 1;
        last = level;
        return isSkipping;
      });
    };
    const once = (selector) => (seen(selector).length === 1 ? [] : [document.body]);
    const pointers = ["aria-labelledby", "aria-describedby", "for"];

    const broken = {
      "1.1.1 every picture is named or left out": all("img, svg").filter(
        (one) => one.getAttribute("aria-hidden") !== "true" && !nameOf(one),
      ),
      "1.3.1 headings go down one level at a time": skipped(),
      "1.3.1 one heading of the first level": once("h1"),
      "1.3.1 every table has a caption and heads with a scope": all("table").filter(
        (one) => !one.caption || [...one.querySelectorAll("th")].some((head) => !head.scope),
      ),
      "1.3.1 lists hold items only": all("ul, ol").filter((one) =>
        [...one.children].some((child) => child.localName !== "li"),
      ),
      "1.3.1 terms and what is said of them stay together": all("dt, dd").filter((one) => !one.closest("dl")),
      "1.4.10 the page does not scroll sideways":
        document.documentElement.scrollWidth > document.documentElement.clientWidth ? [document.documentElement] : [],
      "2.1.1 what scrolls can be reached": seen("body *").filter(
        (one) => scrolls(one) && one.tabIndex < 0 && one.localName !== "dialog" && !one.querySelector("a, button, input"),
      ),
      "2.4.1 one banner, one main, one footer": ["body > header", "main", "body > footer"].flatMap(once),
      "2.4.1 navigation has a name": seen("nav").filter((one) => !one.getAttribute("aria-label")),
      "2.4.1 everything to read is in a landmark": [...document.body.children].filter(
        (one) =>
          isSeen(one) &&
          one.innerText?.trim() &&
          !one.matches("header, main, footer, dialog, .skip, [role=alert], [role=status]"),
      ),
      "2.4.2 the page has a title": document.title.trim() ? [] : [document.head],
      "2.4.3 nothing changes the order of Tab": all("[tabindex]").filter((one) => one.tabIndex > 0),
      "2.5.8 what is pressed is at least 24 pixels high": seen("button, input:not([type=checkbox]), select").filter(
        (one) => one.getBoundingClientRect().height < 24,
      ),
      "3.1.1 the page says its language": document.documentElement.lang ? [] : [document.documentElement],
      "3.3.2 every field has a label": seen("input, select, textarea, meter").filter((one) => !one.labels?.length),
      "4.1.1 every id is there once": all("[id]").filter((one) => all(`#${CSS.escape(one.id)}`).length > 1),
      "4.1.2 everything to press has a name": seen("a, button, summary, [role=region], dialog").filter(
        (one) => !nameOf(one),
      ),
      "4.1.2 what is pointed at is there": all("[aria-labelledby], [aria-describedby], label[for]").filter((one) =>
        pointers.some((name) => textsOf(one.getAttribute(name)).includes(null)),
      ),
    };
    const told = (one) => `${one.localName}${one.id ? `#${one.id}` : ""}.${one.className}`;
    const found = Object.entries(broken).filter(([, elements]) => elements.length > 0);
    return Object.fromEntries(found.map(([rule, elements]) => [rule, elements.map(told)]));
  },

  // Criterion 1.4.3, over what is really drawn: the colour of each text against what lies behind it.
  contrast() {
    const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const channels = (colour) => {
      const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
      return [r, g, b, a];
    };
    const over = (above, below) => [0, 1, 2].map((at) => above[at] * above[3] + below[at] * (1 - above[3])).concat(1);
    const linear = (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    const weights = [0.2126, 0.7152, 0.0722];
    const light = (colour) => weights.reduce((sum, weight, at) => sum + weight * linear(colour[at] / 255), 0);
    const behind = (one) => {
      const found = [];
      for (let at = one; at; at = at.parentElement) found.unshift(channels(getComputedStyle(at).backgroundColor));
      return found.reduce((under, colour) => over(colour, under), [255, 255, 255, 1]);
    };
    const poor = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const one = walker.currentNode.parentElement;
      const isLeftOut = one.closest(".unseen, script, noscript, :disabled, option");
      if (!walker.currentNode.data.trim() || isLeftOut || !isSeen(one)) continue;
      const { color, fontSize, fontWeight } = getComputedStyle(one);
      const back = behind(one);
      const [dark, bright] = [light(over(channels(color), back)), light(back)].sort((a, b) => a - b);
      const ratio = (bright + 0.05) / (dark + 0.05);
      const isLarge = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) poor.set(`${one.localName}.${one.className}`, ratio.toFixed(2));
    }
    return [...poor].map(([name, ratio]) => `${name}: ${ratio}`);
  },
});
