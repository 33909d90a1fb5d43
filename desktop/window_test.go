//go:build window

package main

// These tests drive the real program in a real window of a virtual screen, as a user
// would: with the keyboard and the mouse. make test-desktop runs them; they need Xvfb,
// Mesa, xdotool and xclip.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dit8/core"
	"dit8/core/flow"
	"dit8/core/pngfile"
	"dit8/desktop/world"
	"dit8/weights/weightstest"
)

// screen is a virtual screen.
type screen struct {
	t       testing.TB
	display string
	dir     string // of the frame buffer
	tools   string // of programs that are found first
}

func newScreen(t testing.TB) *screen { return newScreenOf(t, "1400x900x24") }

func newScreenOf(t testing.TB, size string) *screen {
	t.Helper()
	s := &screen{t: t, dir: t.TempDir(), tools: t.TempDir()}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", size, "-noreset", "-nolisten", "tcp", "-fbdir", s.dir)
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		x.Process.Signal(syscall.SIGTERM)
		x.Wait()
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal("Xvfb does not start:", err)
	}
	s.display = ":" + strings.TrimSpace(line)
	return s
}

// shot reads a part of the screen, which Xvfb keeps in a file of the format of xwd.
func (s *screen) shot(part image.Rectangle) *image.RGBA {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "Xvfb_screen0"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	var head [25]uint32
	if err := binary.Read(f, binary.BigEndian, &head); err != nil {
		s.t.Fatal(err)
	}
	if head[11] != 32 || head[7] != 0 {
		s.t.Fatalf("the screen has %d bits a pixel in byte order %d", head[11], head[7])
	}
	part = part.Intersect(image.Rect(0, 0, int(head[4]), int(head[5])))
	img := image.NewRGBA(part)
	start, stride := int64(head[0]+12*head[19]), int64(head[12])
	row := make([]byte, 4*part.Dx())
	for y := part.Min.Y; y < part.Max.Y; y++ {
		if _, err := f.ReadAt(row, start+int64(y)*stride+int64(4*part.Min.X)); err != nil {
			s.t.Fatal(err)
		}
		for i := 0; i < len(row); i += 4 {
			row[i], row[i+2], row[i+3] = row[i+2], row[i], 255
		}
		copy(img.Pix[img.PixOffset(part.Min.X, y):], row)
	}
	return img
}

func (s *screen) command(name string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s %q: %v %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// program is the program in a window.
type program struct {
	*screen
	cmd            *exec.Cmd
	window         string
	log            string
	read           int // bytes of the log
	settings       string
	folder         string
	stderr         bytes.Buffer
	placed, origin image.Point
	scale          int
}

// event is a line of the log.
type event struct {
	Event            string
	Name, Text, Path string
	Bad, Live        bool
	SHA256           string
	X, Y, Width      int
	Height           int
	Scale            float64
	ImagesPerSecond  float64 `json:"images_per_second"`
	Frames           struct {
		N                int
		Median, P95, Max float64
	}
	Request core.Request
}

var binaryPath string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dit8")
	if err == nil {
		binaryPath = filepath.Join(dir, "desktop")
		build := exec.Command("go", "build", "-o", binaryPath, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func (s *screen) start(settings, folder string, args ...string) *program {
	s.t.Helper()
	p := &program{screen: s, settings: settings, folder: folder, log: filepath.Join(s.t.TempDir(), "log")}
	p.cmd = exec.Command(binaryPath, append([]string{"-settings", settings, "-folder", folder, "-log", p.log}, args...)...)
	p.cmd.Env = append(os.Environ(), "DISPLAY="+s.display, "PATH="+s.tools+":"+os.Getenv("PATH"))
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	p.wait("the model", func(e event) bool { return e.Event == "model" })
	p.window = strings.Fields(s.command("xdotool", "search", "--sync", "--onlyvisible", "--name", "^dit8$"))[0]
	s.command("xdotool", "windowfocus", "--sync", p.window)
	p.wait("window that is ready", func(e event) bool { return e.Event == "ready" })
	p.locate()
	return p
}

// locate finds the window on the screen.
func (p *program) locate() {
	for _, line := range strings.Fields(p.command("xdotool", "getwindowgeometry", "--shell", p.window)) {
		name, value, _ := strings.Cut(line, "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "X":
			p.origin.X = n
		case "Y":
			p.origin.Y = n
		}
	}
}

// wait waits for an event, and takes note of where the picture is.
func (p *program) wait(what string, is func(e event) bool) event {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, _ := os.ReadFile(p.log)
		for {
			line, _, whole := bytes.Cut(b[p.read:], []byte("\n"))
			if !whole {
				break
			}
			p.read += len(line) + 1
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				p.t.Fatalf("%s: %v", line, err)
			}
			if e.Event == "placed" {
				p.placed, p.scale = image.Pt(e.X, e.Y), int(e.Scale)
			}
			if is(e) {
				return e
			}
		}
	}
	b, _ := os.ReadFile(p.log)
	p.t.Fatalf("no %s; log:\n%s%s", what, b, p.stderr.String())
	return event{}
}

func (p *program) waitDone() event {
	p.t.Helper()
	return p.wait("finished picture", func(e event) bool { return e.Event == "done" })
}

func (p *program) waitMessage(bad bool, text string) event {
	p.t.Helper()
	return p.wait("message "+text, func(e event) bool { return e.Event == "message" && e.Bad == bad && strings.Contains(e.Text, text) })
}

func (p *program) keys(keys ...string) {
	p.t.Helper()
	p.command("xdotool", append([]string{"key", "--clearmodifiers", "--delay", "40"}, keys...)...)
}

func (p *program) typed(text string) {
	p.t.Helper()
	p.command("xdotool", "type", "--delay", "40", text)
}

// shows compares what stands in the window with an image, all pixels of the screen.
func (p *program) shows(img image.Image) {
	p.t.Helper()
	// the frame after the event shows it
	var shot *image.RGBA
	var bad string
	for range 100 {
		if shot, bad = p.shot(p.place(img.Bounds().Dx())), ""; p.differs(shot, img, &bad) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		return
	}
	p.t.Errorf("the window: %s", bad)
}

func (p *program) differs(shot *image.RGBA, img image.Image, bad *string) bool {
	b := img.Bounds()
	for y := range b.Dy() * p.scale {
		for x := range b.Dx() * p.scale {
			r, g, bl, _ := img.At(b.Min.X+x/p.scale, b.Min.Y+y/p.scale).RGBA()
			want := color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8), 255}
			at := p.origin.Add(p.placed).Add(image.Pt(x, y))
			if got := shot.RGBAAt(at.X, at.Y); got != want {
				*bad = fmt.Sprintf("pixel %d, %d of the picture, drawn %d times as large at %v: %v, want %v", x/p.scale, y/p.scale, p.scale, at, got, want)
				return true
			}
		}
	}
	return false
}

// place is where a picture of size×size pixels is on the screen.
func (p *program) place(size int) image.Rectangle {
	at := p.origin.Add(p.placed)
	return image.Rectangle{at, at.Add(image.Pt(size, size).Mul(p.scale))}
}

// picture is the colours of a picture on the screen.
func (p *program) picture(size int) []byte {
	part := p.shot(p.place(size))
	var pix []byte
	for y := part.Rect.Min.Y + p.scale/2; y < part.Rect.Max.Y; y += p.scale {
		for x := part.Rect.Min.X + p.scale/2; x < part.Rect.Max.X; x += p.scale {
			c := part.RGBAAt(x, y)
			pix = append(pix, c.R, c.G, c.B)
		}
	}
	return pix
}

func (p *program) end(code int) {
	p.t.Helper()
	err := p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit %d (%v), want %d: %s", got, err, code, p.stderr.String())
	}
}

func decode(t *testing.T, path string) (image.Image, core.Metadata) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := pngfile.ReadMetadata(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img, meta
}

func hash(img image.Image) string {
	b := img.Bounds()
	n := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			n.Set(x, y, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return core.PixelHash(n)
}

func TestWindow(t *testing.T) {
	golden := weightstest.Pixels(t)[0] // a fox, seed 1, 4 steps
	request := golden.Request
	s := newScreen(t)
	dir := t.TempDir()
	settings, folder := filepath.Join(dir, "config", "desktop.json"), t.TempDir()
	p := s.start(settings, folder)

	// pick by typing, fill in the fields by Tab, generate by Enter
	p.typed("fox")
	p.keys("Tab", "Tab", "Tab", "ctrl+a")
	p.typed(fmt.Sprint(request.Seed))
	p.keys("Tab", "Tab", "Tab", "ctrl+a")
	p.typed(fmt.Sprint(request.Steps))
	p.keys("Tab", "ctrl+a")
	p.typed(fmt.Sprint(request.Guidance))
	p.keys("Return")
	if e := p.waitDone(); e.SHA256 != golden.SHA256 {
		log, _ := os.ReadFile(p.log)
		t.Fatalf("pixels %s, want %s; log:\n%s", e.SHA256, golden.SHA256, log)
	}
	p.keys("ctrl+s")
	saved := strings.TrimPrefix(p.waitMessage(false, "Saved as ").Text, "Saved as ")
	img, meta := decode(t, saved)
	if filepath.Dir(saved) != folder || hash(img) != golden.SHA256 || meta.SHA256 != golden.SHA256 {
		t.Errorf("saved as %s with pixels %s", saved, hash(img))
	}
	if p.scale < 4 {
		t.Errorf("a pixel of the picture is %d wide", p.scale)
	}
	p.shows(img)

	// a list is opened, and chosen from, by keys; Escape leaves it as it was
	listed := func(key, text string) {
		t.Helper()
		p.keys(key)
		p.wait("list at "+text, func(e event) bool { return e.Event == "list" && e.Text == text })
	}
	p.keys("Tab")
	listed("Return", "euler")
	listed("Down", "restart")
	p.snap("-list")
	listed("Return", "")
	listed("space", "restart")
	listed("Home", "euler")
	listed("Escape", "")
	p.keys("ctrl+Return")
	if e := p.wait("beginning", func(e event) bool { return e.Event == "began" }); e.Request.Solver != flow.Restart {
		t.Errorf("by the list's second row: solver %q", e.Request.Solver)
	}
	p.waitDone()
	listed("Return", "restart")
	listed("Up", "euler")
	listed("Return", "")

	// a long run is seen to come out of noise, and the window keeps up
	p.keys("shift+Tab", "shift+Tab", "ctrl+a")
	p.typed("400")
	p.keys("Return")
	p.wait("beginning", func(e event) bool { return e.Event == "began" })
	seen := map[string]bool{}
	var first []byte
	for start := time.Now(); time.Since(start) < time.Second; time.Sleep(100 * time.Millisecond) {
		pix := p.picture(128)
		if first == nil && !bytes.Equal(pix, make([]byte, len(pix))) && len(seen) > 0 {
			first = pix
		}
		seen[string(pix)] = true
	}
	e := p.waitDone()
	p.keys("ctrl+s")
	path := strings.TrimPrefix(p.waitMessage(false, "Saved as ").Text, "Saved as ")
	final, _ := decode(t, path)
	p.shows(final)
	last := p.picture(128)
	if len(seen) < 5 || distance(first, last) < 5 {
		t.Errorf("%d different pictures seen, the first %.1f levels from the last", len(seen), distance(first, last))
	}

	// how long they take is for BenchmarkFrames
	if e.Frames.N < 50 {
		t.Errorf("%d frames while sampling", e.Frames.N)
	}

	// the command line, by the clipboard
	p.keys("ctrl+c")
	p.waitMessage(false, "Copied: ")
	if got := p.command("xclip", "-o", "-selection", "clipboard"); !strings.HasPrefix(got, "go run ./tools/sample -prompt fox -seed 1 -steps 400 -guidance 1") {
		t.Errorf("on the clipboard: %q", got)
	}

	// a broken file is said, and all goes on
	broken := filepath.Join(dir, "broken.dit8")
	if err := os.WriteFile(broken, []byte("DIT8 but no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.keys("ctrl+o")
	p.typed(broken)
	p.keys("Return")
	p.waitMessage(true, "broken.dit8")

	// a saved picture is made again
	p.keys("ctrl+o")
	p.typed(saved)
	p.keys("Return")
	if e := p.waitDone(); e.SHA256 != golden.SHA256 {
		t.Errorf("made again: pixels %s", e.SHA256)
	}
	p.waitMessage(false, "The same pixels as in fox-1.png")

	// and a photo that is dropped is started from
	photo, err := filepath.Abs("../testdata/trials/exif-rotated.jpg")
	if err != nil {
		t.Fatal(err)
	}
	p.drop(image.Pt(600, 300), photo)
	p.waitMessage(false, "Starting from exif-rotated.jpg: turned as its EXIF data say")
	p.waitDone()
	p.snap("-photo")
	p.drop(image.Pt(600, 300), filepath.Dir(photo))
	p.waitMessage(true, "trials is not a file")
	p.drop(image.Pt(600, 300), saved)
	p.waitMessage(false, "The same pixels as in fox-1.png")

	// live mode: a slider re-renders at once; it is dragged with the mouse
	p.keys("ctrl+l")
	p.wait("live picture", func(e event) bool { return e.Event == "done" && e.Live })
	p.drag(image.Pt(1034, 86), 60) // guidance
	live := p.wait("picture that follows the slider", func(e event) bool { return e.Event == "done" && e.Live && e.ImagesPerSecond > 0 })
	t.Logf("live: %.1f images a second", live.ImagesPerSecond)
	p.keys("ctrl+l")

	// another size
	p.command("xdotool", "windowsize", "--sync", p.window, "1100", "760")
	p.wait("other place of the picture", func(e event) bool { return e.Event == "placed" && int(e.Scale) == 2 })
	p.locate()
	p.keys("ctrl+Return")
	p.wait("finished picture that is not live", func(e event) bool { return e.Event == "done" && !e.Live })
	p.keys("ctrl+s")
	path = strings.TrimPrefix(p.waitMessage(false, "Saved as ").Text, "Saved as ")
	small, _ := decode(t, path)
	p.shows(small)

	p.keys("ctrl+q")
	p.end(0)
	kept, err := world.ReadSettings(settings)
	if err != nil || kept.Request.Prompt != "fox" || kept.Request.Seed != 1 || kept.Width != 1100 || kept.Height != 760 {
		t.Errorf("settings %+v, %v", kept, err)
	}
}

// picturesque writes a picture of the window for the documentation to the file that
// DIT8_SHOT names, if it does: four foxes half way out of the noise.
func (p *program) picturesque() {
	file := os.Getenv("DIT8_SHOT")
	if file == "" {
		return
	}
	for i, class := range []string{"panda", "rocket", "blue octopus", "red apple", "grinning face", "fox"} {
		p.keys("ctrl+f")
		p.typed(class)
		p.keys("Tab", "Tab", "Tab", "Tab", "Tab", "ctrl+a")
		p.typed([]string{"1", "4"}[i/5])
		p.keys("Tab", "ctrl+a")
		p.typed([]string{"4", "200"}[i/5])
		p.keys("Return")
		if i < 5 {
			p.waitDone()
		} else {
			p.wait("beginning", func(e event) bool { return e.Event == "began" && e.Request.Count == 4 })
			p.wait("first step", func(e event) bool { return e.Event == "placed" })
		}
	}
	p.locate()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		shot := p.shot(image.Rectangle{p.origin, p.origin.Add(image.Pt(1240, 800))})
		half := false // the progress is a line below the picture
		for y := p.placed.Y + 128*p.scale; y < 680; y++ {
			half = half || shot.RGBAAt(p.origin.X+p.placed.X+64*p.scale, p.origin.Y+y) == color.RGBA{accent.R, accent.G, accent.B, 255}
		}
		if half {
			var b bytes.Buffer
			if err := png.Encode(&b, shot); err != nil {
				p.t.Fatal(err)
			}
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				p.t.Fatal(err)
			}
			return
		}
	}
	p.t.Error("no picture for the documentation")
}

// snap writes a picture of the screen beside the one that DIT8_SHOT names, if it does.
func (p *program) snap(name string) {
	file := os.Getenv("DIT8_SHOT")
	if file == "" {
		return
	}
	time.Sleep(200 * time.Millisecond) // it is looked at, nothing else waits for it
	var b bytes.Buffer
	if err := png.Encode(&b, p.shot(image.Rect(0, 0, 4000, 4000))); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimSuffix(file, ".png")+name+".png", b.Bytes(), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// drag presses the mouse at a point of the window and moves it to the right.
func (p *program) drag(at image.Point, by int) {
	p.t.Helper()
	move := func(x int) {
		p.command("xdotool", "mousemove", "--window", p.window, strconv.Itoa(x), strconv.Itoa(at.Y))
		time.Sleep(30 * time.Millisecond)
	}
	move(at.X)
	p.command("xdotool", "mousedown", "1")
	for i := range 9 {
		move(at.X + i*by/8)
	}
	p.command("xdotool", "mouseup", "1")
}

// distance is the mean difference of two pictures in levels.
func distance(a, b []byte) float64 {
	if len(a) != len(b) {
		return 0
	}
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}

// BenchmarkFrames measures the times between frames while a request of 400 steps runs.
func BenchmarkFrames(b *testing.B) {
	golden := weightstest.Pixels(b)[0]
	s := newScreen(b)
	settings := filepath.Join(b.TempDir(), "desktop.json")
	if err := (world.Settings{Request: golden.Request}).Write(settings); err != nil {
		b.Fatal(err)
	}
	p := s.start(settings, b.TempDir())
	p.keys("Return")
	if e := p.waitDone(); e.SHA256 != golden.SHA256 {
		b.Fatalf("pixels %s, want %s", e.SHA256, golden.SHA256)
	}
	p.keys("ctrl+f", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "ctrl+a")
	p.typed("400")
	var median, p95, longest float64
	for b.Loop() {
		p.keys("Return")
		p.wait("beginning of 400 steps", func(e event) bool { return e.Event == "began" && e.Request.Steps == 400 })
		e := p.waitDone()
		median, p95, longest = median+e.Frames.Median, p95+e.Frames.P95, max(longest, e.Frames.Max)
	}
	n := float64(b.N)
	b.ReportMetric(median/n, "median-ms/frame")
	b.ReportMetric(p95/n, "p95-ms/frame")
	b.ReportMetric(longest, "longest-ms/frame")
	p.keys("ctrl+q")
	p.end(0)
}

// A screen with twice as many pixels, where a photo is chosen in the system's dialog.
func TestWindowHighDPI(t *testing.T) {
	s := newScreenOf(t, "2800x1800x24")
	s.command("xprop", "-root", "-f", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", "Xft.dpi:\t192\n")
	photo, err := filepath.Abs("../testdata/trials/exif-rotated.jpg")
	if err != nil {
		t.Fatal(err)
	}
	// A dialog that notes what it is asked and answers at once.
	asked := filepath.Join(s.tools, "asked")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\necho %s\n", asked, photo)
	if err := os.WriteFile(filepath.Join(s.tools, "qarma"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	p := s.start(filepath.Join(t.TempDir(), "desktop.json"), t.TempDir())
	hold := func(key string) { // for longer than a frame takes, of so many pixels drawn in software
		s.command("xdotool", "keydown", "ctrl", "keydown", key, "sleep", "0.5", "keyup", key, "keyup", "ctrl")
	}
	hold("o")
	e := p.waitDone()
	if text, err := os.ReadFile(asked); err != nil || !strings.Contains(string(text), "--file-selection") {
		t.Errorf("the dialog was asked %q, %v", text, err)
	}
	hold("s")
	img, meta := decode(t, strings.TrimPrefix(p.waitMessage(false, "Saved as ").Text, "Saved as "))
	if meta.Request.Edit == nil || meta.Request.Edit.Task != core.EditImage || meta.SHA256 != e.SHA256 {
		t.Errorf("made %+v", meta)
	}
	p.shows(img)
	if p.scale < 8 {
		t.Errorf("a pixel of the picture is %d wide, where a screen of half the size has 4", p.scale)
	}
	p.snap("-high-dpi")
	hold("q")
	p.end(0)
}

// Settings that are no settings are ignored with a note; a signal ends the program,
// which then keeps its settings.
func TestWindowSettings(t *testing.T) {
	s := newScreen(t)
	settings := filepath.Join(t.TempDir(), "desktop.json")
	if err := os.WriteFile(settings, []byte(`{"request": `), 0o644); err != nil {
		t.Fatal(err)
	}
	p := s.start(settings, t.TempDir())
	p.read = 0 // it comes before the window is ready
	p.waitMessage(true, "The settings were ignored")
	p.typed("panda")
	p.keys("Return")
	first := p.waitDone()
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.end(0)
	p = s.start(settings, t.TempDir())
	p.keys("Return")
	if e := p.waitDone(); e.SHA256 != first.SHA256 {
		t.Errorf("what was asked for is not remembered: pixels %s, want %s", e.SHA256, first.SHA256)
	}
	p.picturesque()
	p.keys("ctrl+q")
	p.end(0)
}
