"""What the browser tests do with an explorer."""

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

PIXELS = """(canvas) => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum = (31 * sum + data[i]) % 2147483647;
    return sum;
}"""


class Instrument:
    """An explorer in a page, as a person sees it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".al-explorer").nth(number)
        self.grid = self.root.locator("canvas.al-grid")
        self.code = self.root.locator(".al-code textarea")

    def pixels(self):
        return self.grid.evaluate(PIXELS)

    def frame(self):
        return int(self.grid.get_attribute("data-frame"))

    def changes(self, act):
        """Whether acting brings a new frame with other pixels; the pixels before and after."""
        self.at_rest()
        frame, before = self.frame(), self.pixels()
        act()
        self.page.wait_for_function(
            "([canvas, frame]) => +canvas.dataset.frame > frame", arg=[self.grid.element_handle(), frame]
        )
        self.at_rest()
        return before, self.pixels()

    def at_rest(self):
        """Wait until the picture has no loss, and no new frame came for half a second."""
        self.page.wait_for_function(
            """(canvas) => {
                const now = [canvas.dataset.frame, performance.now()], last = canvas.lastSeen ?? now;
                canvas.lastSeen = last[0] === now[0] ? last : now;
                return canvas.dataset.sharp === 'true' && now[1] - canvas.lastSeen[1] > 500;
            }""",
            arg=self.grid.element_handle(),
        )
        self.grid.evaluate("(canvas) => { delete canvas.lastSeen; }")

    def add(self, name):
        """Add a transform as its name is typed, and close the palette."""
        self.root.get_by_role("button", name="Add a transform").click()
        search = self.root.get_by_label("search transforms")
        search.fill(name)
        search.press("Enter")
        search.press("Escape")

    def select(self, step):
        self.root.locator(".al-step", has_text=step).click()
        expect(self.root.get_by_role("group", name=f"{step} parameters")).to_be_visible()

    def painted(self):
        """The pixels of the canvas, (height, width, 4)."""
        url = self.grid.evaluate("(canvas) => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"))


def run(page, code):
    """What code prints in the kernel of the open notebook; warnings are left out."""
    return page.evaluate(
        """async (code) => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let said = "";
            future.onIOPub = ({ content }) => { if (content.name !== "stderr") said += content.text ?? content.evalue ?? ""; };
            await future.done;
            return said.trim();
        }""",
        code,
    )
