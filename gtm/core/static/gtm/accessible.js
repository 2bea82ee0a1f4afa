// What the admin's widgets leave out for keyboards and screen readers: names, roles, focus.
(() => {
    const CLICKABLE = "[x-on\\:click]:not(a[href], button, input, select, textarea, summary, label)";
    const NAMES = { dock_to_right: "Navigation", verified: "Home", more_vert: "More", unfold_more: "Account", check_box: "Actions" };

    const text = (element) => (element?.textContent || "").replace(/[*:\s]+/g, " ").trim();
    const labelled = (element) => element.ariaLabel || element.hasAttribute("aria-labelledby") || element.title;
    const name = (element, words) => words && !labelled(element) && element.setAttribute("aria-label", words);

    // A thing that answers a click answers the keyboard. A heading stays one, with a button in it.
    function answerKeys(element) {
        if (element.hasAttribute("tabindex") || element.querySelector(":scope > [role=button]")) return;
        let button = element;
        if (/^H\d$/.test(element.tagName)) {
            button = document.createElement("span");
            button.className = element.className;
            button.classList.remove("mb-1", "mx-3", "px-3", "py-1.5");
            button.classList.add("grow");
            button.append(...element.childNodes);
            element.append(button);
        }
        button.tabIndex = 0;
        button.setAttribute("role", "button");
        button.addEventListener("keydown", (event) => {
            if (event.target === button && (event.key === "Enter" || event.key === " ")) {
                event.preventDefault();
                button.click();
            }
        });
    }

    // The name of a picture is no text for people: the icon is hidden, and what it alone labels gets a name.
    function nameIcons() {
        document.querySelectorAll(".material-symbols-outlined:not([role], [aria-hidden])").forEach((icon) => {
            const owner = icon.closest("a, button, [role=button]");
            const picture = text(icon);
            icon.setAttribute("aria-hidden", "true");
            if (owner && text(owner) === picture) name(owner, NAMES[picture] || picture.replace(/_/g, " "));
        });
        document.querySelectorAll(".material-symbols-outlined[role=button]").forEach((icon) => {
            name(icon, NAMES[text(icon)] || text(icon).replace(/_/g, " "));
        });
    }

    function complete() {
        document.querySelectorAll(CLICKABLE).forEach(answerKeys);
        nameIcons();
        // select2 names its box after the box itself.
        document.querySelectorAll("select.select2-hidden-accessible").forEach((select) => {
            const words = text(document.querySelector(`label[for="${select.id}"]`)) || select.ariaLabel;
            select.nextElementSibling?.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]").forEach((box) => {
                box.removeAttribute("aria-labelledby");
                name(box, words);
            });
        });
        // The filter boxes of Django's two-sided selector.
        document.querySelectorAll(".help-tooltip[aria-label]").forEach((help) => help.setAttribute("role", "img"));
        document.querySelectorAll("thead th").forEach((head) => {
            if (text(head) || head.children.length) return;
            head.append(Object.assign(document.createElement("span"), { className: "g-unseen", textContent: "Delete" }));
        });
    }

    // SimpleBar makes a region of whatever scrolls; regions of one page need names of their own.
    function nameScrollers() {
        document.querySelectorAll("[data-simplebar]").forEach((element, index) => {
            const heading = text(element.closest("fieldset")?.querySelector("h2, h3")) || text(document.querySelector("h1"));
            element.dataset.simplebarAriaLabel = element.closest("nav") ? "All places" : `${heading}, part ${index}`;
        });
    }

    document.addEventListener("DOMContentLoaded", nameScrollers);
    window.addEventListener("load", () => {
        requestAnimationFrame(complete);
        window.django?.jQuery?.(complete); // after what the admin's widgets do when the page is ready: that may come later
    });
    document.addEventListener("htmx:afterSettle", complete);
    document.addEventListener("formset:added", () => requestAnimationFrame(complete));
})();
