// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay/replaytest"
)

// browser is a real headless Chromium, without a network where that is possible.
type browser struct {
	path   string
	prefix []string
}

// newBrowser finds Chromium. Where SIGDRIVER_NEED_CHROMIUM is set, as in CI, a
// missing one fails the test.
func newBrowser(t *testing.T, a *auditor) *browser {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return &browser{path, a.prefix}
		}
	}
	if os.Getenv("SIGDRIVER_NEED_CHROMIUM") != "" {
		t.Fatal("there is no chromium")
	}
	t.Skip("there is no chromium")
	return nil
}

// show runs the browser on a page with one more option, and returns what it prints.
func (b *browser) show(t *testing.T, page string, height int, option string) []byte {
	t.Helper()
	line := append(append([]string{}, b.prefix...), b.path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=1200,%d", height), option, "file://"+page)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC"}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", option, err, problems.String())
	}
	return out
}

// box is where an element is on the page.
type box struct {
	X, Y, Width, Height float64
	Text                string
}

// measured are the elements that the screenshot is looked at for.
var measured = []string{"#verdict", "#verdict .value", "#summary .allowed", "#timeline svg", "#bars .allow", "#bars .d0", "#epochs rect", "#marks .rotation", "#marks .revocation",
	"#denials tbody tr", "#denials .d0", "#shares", "#shares .revoked", "#trust .bars tr", "#scopes tbody tr", "#scopes .pill", "#replay tbody tr"}

// measure asks the browser where elements are. The page itself runs no script, so
// a copy without its policy is given one.
func (b *browser) measure(t *testing.T, page string, text []byte, height int) map[string][]box {
	t.Helper()
	list, err := json.Marshal(measured)
	if err != nil {
		t.Fatal(err)
	}
	script := `<script>const out={};for(const s of ` + string(list) + `){out[s]=[...document.querySelectorAll(s)].map(e=>{const r=e.getBoundingClientRect();` +
		`return {X:r.x,Y:r.y,Width:r.width,Height:r.height,Text:e.textContent}})};document.body.setAttribute("data-boxes",JSON.stringify(out))</script></body>`
	copied := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAll(text, nil)
	copied = bytes.Replace(copied, []byte("</body>"), []byte(script), 1)
	name := filepath.Join(t.TempDir(), "measured.html")
	if err := os.WriteFile(name, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`data-boxes="([^"]*)"`).FindSubmatch(b.show(t, name, height, "--dump-dom"))
	if m == nil {
		t.Fatal("the browser measured nothing")
	}
	var boxes map[string][]box
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &boxes); err != nil {
		t.Fatal(err)
	}
	return boxes
}

// reports makes the page and looks at it in a real browser.
func (a *auditor) reports(t *testing.T, state string, w *replaytest.World, decisions int) {
	page := filepath.Join(t.TempDir(), "report.html")
	if code, text, problems := a.run(t, "audit", "report", "--state", state, "--root", w.Root, "-o", page); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, text, problems)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const height = 4000
	b := newBrowser(t, a)
	boxes := b.measure(t, page, text, height)
	picture := b.screenshot(t, page, height)
	look(t, boxes, picture)
	epochs := boxes["#epochs rect"]
	if len(boxes["#marks .rotation"]) != replaytest.RootRotations || len(boxes["#marks .revocation"]) != replaytest.Revocations || len(epochs) < 10 {
		t.Errorf("%d rotations, %d revocations, %d epochs", len(boxes["#marks .rotation"]), len(boxes["#marks .revocation"]), len(epochs))
	}
	rows := boxes["#replay tbody tr"]
	if len(rows) < 3 || !strings.Contains(strings.ReplaceAll(rows[0].Text, "\u2009", ""), fmt.Sprintf("identical%d", decisions)) {
		t.Errorf("the page says %+v", rows)
	}
	pdf := filepath.Join(t.TempDir(), "report.pdf")
	b.show(t, page, height, "--print-to-pdf="+pdf)
	if data, err := os.ReadFile(pdf); err != nil || !bytes.HasPrefix(data, []byte("%PDF-")) || len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(data, -1)) < 2 {
		t.Errorf("on paper: %d bytes, %v", len(data), err)
	}
}

// screenshot is the page as it is seen.
func (b *browser) screenshot(t *testing.T, page string, height int) image.Image {
	t.Helper()
	name := filepath.Join(t.TempDir(), "report.png")
	b.show(t, page, height, "--screenshot="+name)
	if keep := os.Getenv("SIGDRIVER_SCREENSHOT"); keep != "" {
		if data, err := os.ReadFile(name); err != nil || os.WriteFile(keep, data, 0o600) != nil {
			t.Errorf("cannot keep the screenshot: %v", err)
		}
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// look compares the picture with the places of the elements: each is there, in its
// colour, and inside the page.
func look(t *testing.T, boxes map[string][]box, picture image.Image) {
	t.Helper()
	green, orange, red, ink := color.RGBA{0x1f, 0x7a, 0x55, 255}, color.RGBA{0xc2, 0x41, 0x0c, 255}, color.RGBA{0xb9, 0x1c, 0x1c, 255}, color.RGBA{0x0f, 0x17, 0x2a, 255}
	colours := map[string]color.RGBA{"#verdict .value": green, "#summary .allowed": green, "#bars .allow": green, "#bars .d0": orange, "#denials .d0": orange,
		"#marks .revocation": red, "#marks .rotation": ink, "#shares .revoked": red}
	for _, name := range measured {
		if len(boxes[name]) == 0 {
			t.Errorf("the page has no %s", name)
			continue
		}
		at := boxes[name][0]
		if want, coloured := colours[name]; coloured {
			at = largest(boxes[name])
			if share := shareOf(picture, at, want); share < 0.02 {
				t.Errorf("%s at %+v is not in its colour: %.3f", name, at, share)
			}
		}
		if at.Width < 1 || at.Height < 1 || at.X < 0 || at.X+at.Width > 1200 || at.Y < 0 {
			t.Errorf("%s is at %+v", name, at)
		}
		if int(at.Y+at.Height) < picture.Bounds().Dy() && tones(picture, at) < 2 && !strings.Contains(name, "rect") && !strings.Contains(name, ".d0") && !strings.Contains(name, ".allow") && !strings.Contains(name, ".revoked") {
			t.Errorf("%s at %+v is blank", name, at)
		}
	}
}

func largest(list []box) (most box) {
	for _, b := range list {
		if b.Width*b.Height > most.Width*most.Height {
			most = b
		}
	}
	return most
}

// shareOf is how much of a box has a colour.
func shareOf(picture image.Image, at box, want color.RGBA) float64 {
	hits, all := 0, 0
	each(picture, at, func(c color.RGBA) {
		all++
		if c == want {
			hits++
		}
	})
	return float64(hits) / float64(max(all, 1))
}

// tones is how many colours a box has.
func tones(picture image.Image, at box) int {
	seen := map[color.RGBA]bool{}
	each(picture, at, func(c color.RGBA) { seen[c] = true })
	return len(seen)
}

func each(picture image.Image, at box, see func(color.RGBA)) {
	for y := int(at.Y); y < int(at.Y+at.Height); y++ {
		for x := int(at.X); x < int(at.X+at.Width); x++ {
			if (image.Point{x, y}).In(picture.Bounds()) {
				see(color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA))
			}
		}
	}
}
