package world

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/core/flow"
	"dit8/internal/picture"
	"dit8/weights"
	"dit8/weights/weightstest"
)

func device(t *testing.T) compute.Device {
	t.Helper()
	dev, err := native.New("", 1)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// newWorld has the default model.
func newWorld(t *testing.T, s Settings) *World { return opened(t, s, "") }

// classWorld has a model of classes that predicts velocities, for what needs one.
func classWorld(t *testing.T, s Settings) *World { return opened(t, s, weightstest.ClassModel) }

func opened(t *testing.T, s Settings, model string) *World {
	t.Helper()
	if s.Folder == "" {
		s.Folder = t.TempDir()
	}
	w := New(device(t), s, model, "")
	t.Cleanup(func() { w.Close() })
	settle(t, w)
	if _, ok := w.Model(); !ok {
		t.Fatalf("no model: %s", w.Message().Text)
	}
	return w
}

// settle polls until nothing runs.
func settle(t *testing.T, w *World) {
	t.Helper()
	until(t, w, "something still runs", func() bool { busy, _ := w.Busy(); return !busy })
}

func until(t *testing.T, w *World, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		w.Poll()
		if is() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s after a minute; %q", what, w.Message().Text)
		}
	}
}

func request(t *testing.T, text string) core.Request {
	t.Helper()
	r, err := core.Request{Count: 1}.WithJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The pixels are those of all other programs, and every step on the way is shown.
func TestGenerate(t *testing.T) {
	w := newWorld(t, Settings{})
	golden := weightstest.Pixels(t)
	for _, c := range golden {
		if err := w.SetRequest(c.Request); err != nil {
			t.Fatal(err)
		}
		w.Generate()
		var hashes []string
		for busy := true; busy; busy, _ = w.Busy() {
			if w.Poll().Picture {
				hashes = append(hashes, core.PixelHash(w.Picture().Grid()))
			}
		}
		p := w.Picture()
		if !p.Done || p.Metadata.SHA256 != c.SHA256 || w.Message() != (Message{}) {
			t.Errorf("%+v: %s, %+v, want pixels %s", c.Request, w.Message().Text, p, c.SHA256)
		}
		if len(hashes) < 2 || hashes[0] == hashes[len(hashes)-1] {
			t.Errorf("%d pictures on the way, the first like the last", len(hashes))
		}
		if in := w.Inspector(); in == nil || in.Step != len(in.Times) || len(in.Maps) != 6 {
			t.Errorf("inspector %+v", in)
		}
	}
	if h := w.History(); len(h) != len(golden) || h[0] != w.Picture() {
		t.Errorf("%d pictures in the history", len(h))
	}
	first := w.History()[1]
	w.Recall(1)
	if w.Picture() != first || !reflect.DeepEqual(w.Request(), first.Metadata.Request) {
		t.Error("the first picture is not shown again")
	}
	w.Recall(7)
}

// slow is a device whose passes wait for the test.
type slow struct {
	compute.Device
	pass chan struct{}
}

func (s *slow) PatchEmbed(dst, img compute.F32, i compute.Image, l compute.Linear, pos compute.F32) {
	<-s.pass
	s.Device.PatchEmbed(dst, img, i, l, pos)
}

// finish lets all passes go on until nothing runs.
func (s *slow) finish(t *testing.T, w *World) {
	t.Helper()
	until(t, w, "something still runs", func() bool {
		select {
		case s.pass <- struct{}{}:
		default:
		}
		busy, _ := w.Busy()
		return !busy
	})
}

func slowWorld(t *testing.T) (*World, *slow) {
	t.Helper()
	dev := &slow{device(t), make(chan struct{})}
	w := New(dev, Settings{Folder: t.TempDir()}, "", "")
	t.Cleanup(func() {
		close(dev.pass)
		w.Close()
	})
	return w, dev
}

// Steps are seen one by one, and a cancelled request ends within one.
func TestCancel(t *testing.T) {
	w, dev := slowWorld(t)
	w.SetField("steps", "9")
	w.Generate()
	for step := 1; step <= 3; step++ {
		dev.pass <- struct{}{}
		until(t, w, "the step is not seen", func() bool { return w.Picture() != nil && w.Picture().Step == step })
		if in := w.Inspector(); in.Step != step {
			t.Errorf("step %d: the inspector is at %d", step, in.Step)
		}
	}
	if s := w.Status(); !strings.HasPrefix(s, "Step 3 of 9, t = 0.9") {
		t.Errorf("status %q", s)
	}
	w.Cancel()
	dev.finish(t, w) // a step may have begun
	if p := w.Picture(); p.Done || !p.Cancelled || p.Step > 4 || len(w.History()) != 0 || w.Message().Bad {
		t.Errorf("%+v, message %+v", p, w.Message())
	}
	if s := w.Status(); !strings.HasPrefix(s, "Stopped after step ") {
		t.Errorf("status %q", s)
	}
}

// The newest request wins: those that wait give way, the one that runs is cancelled.
func TestNewestWins(t *testing.T) {
	w, dev := slowWorld(t)
	w.SetField("steps", "9") // one that is cancelled in its last step may be done before it knows
	for _, seed := range []string{"1", "2", "3"} {
		w.SetField("seed", seed)
		w.Generate()
		if seed == "1" {
			dev.pass <- struct{}{} // so that it runs
		}
	}
	dev.finish(t, w)
	if h := w.History(); len(h) != 1 || h[0].Request.Seed != 3 {
		t.Errorf("%d pictures in the history", len(h))
	}
}

// A slider that moves all the time still shows finished pictures, as a live request
// may go on for a while; a slow one is cancelled.
func TestLive(t *testing.T) {
	w := classWorld(t, Settings{LiveSteps: 2})
	w.AddToMix("panda")
	w.SetLive(true)
	finished := 0
	for i := range 300 {
		w.SetWeight(1, float32(i%20)/20)
		if w.Poll(); w.Picture() != nil && w.Picture().Done {
			finished++
		}
		time.Sleep(time.Millisecond)
	}
	settle(t, w)
	p := w.Picture()
	if finished == 0 || !p.Done || !p.Live || w.Rate() <= 0 {
		t.Errorf("%d seen finished, %+v, %v a second", finished, p, w.Rate())
	}
	if r := p.Request; r.Steps != 2 || r.Solver != flow.AB2 || r.Schedule != flow.Cosine || !reflect.DeepEqual(r.Classes, w.Mix()) {
		t.Errorf("live request %+v", r)
	}
	if len(w.History()) != 0 {
		t.Error("live pictures are in the history")
	}
	if s := w.Status(); !strings.Contains(s, "images a second") {
		t.Errorf("status %q", s)
	}
	before := p.Metadata.SHA256
	w.SetModulation(core.ModulationScale{Quantity: "gamma", Blocks: []int{2, 5}, Channels: []int{0, 95}, Scale: 1.5})
	settle(t, w)
	if after := w.Picture(); !after.Done || after.Metadata.SHA256 == before || !reflect.DeepEqual(after.Request.Modulation, []core.ModulationScale{w.Modulation()}) {
		t.Errorf("%+v", after)
	}
	w.SetModulation(core.ModulationScale{Quantity: "gamma", Scale: 1})
	settle(t, w)
	if after := w.Picture(); after.Metadata.SHA256 != before || after.Request.Modulation != nil {
		t.Errorf("modulation of 1: %+v", after)
	}
	w.SetLive(false)
	w.SetWeight(1, 0.1)
	if busy, _ := w.Busy(); busy {
		t.Error("it renders though it is not live")
	}
}

func TestLiveCancelsSlow(t *testing.T) {
	w, dev := slowWorld(t)
	w.SetLive(true)
	dev.pass <- struct{}{}
	start := time.Now()
	w.SetField("seed", "9")
	for w.Picture() == nil || w.Picture().Request.Seed != 9 {
		select {
		case dev.pass <- struct{}{}:
		case <-time.After(time.Millisecond):
		}
		if time.Sleep(30 * time.Millisecond); time.Since(start) > time.Minute {
			t.Fatal("the newer request never runs")
		}
		w.Poll()
	}
	if left := time.Since(start); left < grace/2 {
		t.Errorf("the one before was given %v", left)
	}
}

func TestForm(t *testing.T) {
	w := classWorld(t, Settings{})
	for name, c := range map[string]struct{ text, want string }{
		"seed":     {"12x", `seed is "12x", allowed: an integer from 0 to`},
		"steps":    {"0", "steps is 0, allowed: 1 to 1000"},
		"count":    {"65", "count is 65, allowed: 1 to 64"},
		"guidance": {"", `guidance is "", allowed: a number`},
		"solver":   {"rk4", `solver is "rk4", allowed: euler`},
		"schedule": {"ddim", "spacing ddim is for models on the ddpm clock"},
		"seed_to":  {`1, "count": 3`, "seed_to is"},
		"seed_mix": {"2", "seed_mix is 2, allowed: 0 to 1"},
	} {
		before := w.Request()
		w.SetField(name, c.text)
		if m := w.Message(); !m.Bad || !strings.Contains(m.Text, c.want) || !w.Wrong(name) {
			t.Errorf("%s %q: %q, want %q", name, c.text, m.Text, c.want)
		}
		if !reflect.DeepEqual(w.Request(), before) {
			t.Errorf("%s %q changed the request to %+v", name, c.text, w.Request())
		}
	}
	w.Generate()
	if busy, _ := w.Busy(); busy || !strings.Contains(w.Message().Text, "seed is") {
		t.Errorf("runs with a wrong seed: %q", w.Message().Text)
	}
	for name, text := range map[string]string{"seed": "12", "steps": "3", "count": " 2 ", "guidance": "2.5", "solver": "ab2", "schedule": "cosine", "seed_to": "5", "seed_mix": "0.25"} {
		w.SetField(name, text)
		if w.Wrong(name) {
			t.Errorf("%s %q: %q", name, text, w.Message().Text)
		}
	}
	w.Pick("panda")
	want := core.Request{Class: "panda", Seed: 12, Steps: 3, Count: 2, Guidance: 2.5, Solver: "ab2", Schedule: "cosine", SeedTo: 5, SeedMix: 0.25}
	if r := w.Request(); !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, want %+v", r, want)
	}
	seed := w.Request().Seed
	if w.Dice(); w.Request().Seed == seed {
		t.Error("the dice show the same seed")
	}

	w.AddToMix("fox")
	w.AddToMix("fox")
	if m := w.Message(); !m.Bad || len(w.Mix()) != 2 {
		t.Errorf("fox twice: %+v %q", w.Mix(), m.Text)
	}
	w.SetWeight(0, 0)
	w.SetWeight(1, 0)
	if m := w.Message(); !m.Bad || w.Mix()[1].Weight != 1 || !strings.Contains(m.Text, "a weight of 0") {
		t.Errorf("no weight at all: %+v %q", w.Mix(), m.Text)
	}
	w.AddToMix("rocket")
	w.AddToMix("ghost")
	w.AddToMix("pizza")
	if m := w.Message(); !m.Bad || len(w.Mix()) != MaxMix {
		t.Errorf("too many: %+v %q", w.Mix(), m.Text)
	}
	for range 5 {
		w.Unmix(0)
	}
	if r := w.Request(); r.Class != "ghost" || r.Classes != nil {
		t.Errorf("the last of the mix: %+v", r)
	}

	full := want
	full.Negative, full.GuidanceInterval, full.Shift = "fox", []float32{0, 0.5}, 2
	full.Modulation = []core.ModulationScale{{Scale: 2}, {Scale: 0.5}}
	if err := w.SetRequest(full); err != nil || !reflect.DeepEqual(w.Request(), full) {
		t.Errorf("%+v, %v", w.Request(), err)
	}
	if x := w.Extras(); len(x) != 4 {
		t.Errorf("extras %q", x)
	}
	w.DropExtras()
	want.Modulation = full.Modulation[:1]
	if r := w.Request(); len(w.Extras()) != 0 || !reflect.DeepEqual(r, want) {
		t.Errorf("extras %q, %+v", w.Extras(), r)
	}
}

func TestMatches(t *testing.T) {
	w := classWorld(t, Settings{})
	if all := w.Matches(" "); len(all) != 128 {
		t.Errorf("%d classes", len(all))
	}
	for text, want := range map[string]string{"fo": "fox", "FOX": "fox", "apple red": "red-apple", "cat face": "cat-face", "🐱": "cat-face", "❤️": "red-heart"} {
		if got := w.Matches(text); len(got) == 0 || got[0] != want {
			t.Errorf("%q finds %q, want %s first", text, got, want)
		}
	}
	if got := w.Matches("zebrafish"); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// A bad file is said and leaves the model in use; a good one replaces it.
func TestOpen(t *testing.T) {
	w := newWorld(t, Settings{})
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.dit8")
	if err := os.WriteFile(cut, weights.DefaultBytes()[:3<<20], 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.dit8")
	if err := os.WriteFile(text, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{cut, text, filepath.Join(dir, "none.dit8"), dir} {
		w.OpenFile(path)
		settle(t, w)
		if m := w.Message(); !m.Bad || !strings.Contains(m.Text, filepath.Base(path)) {
			t.Errorf("%s: %+v", path, m)
		}
		w.SetField("steps", "2")
		w.Generate()
		settle(t, w)
		if p := w.Picture(); p == nil || !p.Done {
			t.Errorf("after %s nothing can be made: %q", path, w.Message().Text)
		}
	}
	good := filepath.Join(dir, "good.dit8")
	if err := os.WriteFile(good, weights.DefaultBytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	w.SetField("seed", "77")
	w.OpenFile(good)
	if w.Generate(); !w.Message().Bad {
		t.Error("a request while a model is being opened")
	}
	settle(t, w)
	if m, _ := w.Model(); m.Path != good || w.Request().Seed != 77 || len(w.History()) != 0 {
		t.Errorf("model %q, request %+v, %q", m.Path, w.Request(), w.Message().Text)
	}
	s := w.Close()
	if s.Model != good || s.Request.Seed != 77 {
		t.Errorf("settings %+v", s)
	}
	again := newWorld(t, s)
	settle(t, again)
	if m, _ := again.Model(); m.Path != good || again.Request().Seed != 77 {
		t.Errorf("again: %q, %+v", m.Path, again.Request())
	}
	s.Model = filepath.Join(dir, "none.dit8")
	without := newWorld(t, s)
	settle(t, without)
	if m, ok := without.Model(); !ok || m.Path != "" || !without.Message().Bad {
		t.Errorf("the file is gone: model %q, %+v", m.Path, without.Message())
	}
}

// A saved picture is its request: opened, it is made again, with the same pixels.
// A picture that somebody else made is started from: a phone's, to be turned, and one that is no square.
func TestPhoto(t *testing.T) {
	w := newWorld(t, Settings{})
	wide := filepath.Join(t.TempDir(), "wide.png")
	f, err := os.Create(wide)
	if err == nil {
		err = png.Encode(f, image.NewGray(image.Rect(0, 0, 90, 60)))
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, said := range map[string]string{
		"../../testdata/trials/exif-rotated.jpg": "Starting from exif-rotated.jpg: turned as its EXIF data say, scaled from 32×32 to 128×128.",
		"../../testdata/trials/grey16.png":       "Starting from grey16.png: scaled from 40×40 to 128×128.",
		wide:                                     "Starting from wide.png: scaled from 90×60 to 128×128, fit cover.",
		"../../testdata/trials/mask-transparent.png": "Starting from mask-transparent.png: scaled from 32×32 to 128×128, what is transparent is painted anew: 4092 of 16384 pixels.",
	} {
		name := filepath.Base(path)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := picture.Decode(b, picture.MaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := w.Model()
		want := p.RGB(m.ImageSize, picture.Cover)
		w.SetField("steps", "2")
		w.SetField("count", "3")
		w.OpenFile(path)
		settle(t, w)
		if text := w.Message().Text; text != said {
			t.Errorf("%s: %q", name, text)
		}
		made := w.Picture()
		if made == nil || !made.Done || made.Request.Count != 1 || made.Request.Edit == nil || (made.Request.Edit.Task == core.EditInpaint) != strings.Contains(said, "transparent") || !bytes.Equal(made.Request.Edit.Image, want) {
			t.Fatalf("%s: made %+v", name, made)
		}
		if extras := w.Extras(); !slices.Contains(extras, "edit") {
			t.Errorf("the form has %q", extras)
		}
		w.DropExtras()
	}
	// the photo is taken anew where its fit changes
	w.OpenFile(wide)
	settle(t, w)
	w.SetFit(picture.Contain)
	settle(t, w)
	if e := w.Picture().Request.Edit; w.Message().Text != "Starting from wide.png: scaled from 90×60 to 128×128, fit contain." || e.Image[0] != 255 || e.Image[3*64*129] != 0 {
		t.Errorf("%q, %d in a corner, %d in the middle", w.Message().Text, e.Image[0], e.Image[3*64*129])
	}
	// a mask says what is painted anew in it, and then in what is shown
	trial := "../../testdata/trials/mask-127.png"
	for _, of := range []string{"wide.png", "the picture"} {
		before := w.Picture()
		w.OpenFile(trial)
		settle(t, w)
		said := fmt.Sprintf("Painting in %s: of mask-127.png, of the two levels 0 and 127 the brighter one is painted anew: 4092 of 16384 pixels.", of)
		e := w.Picture().Request.Edit
		if w.Message().Text != said || e.Task != core.EditInpaint || e.Mask[0] != 0 || e.Mask[64*129] != 255 {
			t.Fatalf("%q, want %q", w.Message().Text, said)
		}
		if of == "wide.png" {
			if w.SetFit(picture.Cover); w.Request().Edit.Mask == nil {
				t.Error("another fit forgets the mask")
			}
			settle(t, w)
			w.DropExtras()
		} else if pix := before.First().Pix; !bytes.Equal(e.Image[:3], pix[:3]) || !bytes.Equal(w.Picture().First().Pix[:3], pix[:3]) {
			t.Error("another picture is painted in")
		}
	}
	w.DropExtras()
	if w.SetFit(picture.Stretch); w.Photo() || w.Request().Edit != nil || w.Settings.Fit != picture.Stretch {
		t.Error("a fit for later brings the photo back, or is forgotten")
	}
	broken := filepath.Join(t.TempDir(), "broken.jpg")
	if err := os.WriteFile(broken, []byte("\xff\xd8\xff\xe0 and no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.OpenFile(broken)
	settle(t, w)
	if m := w.Message(); !m.Bad || !strings.Contains(m.Text, "broken.jpg: the picture is damaged") {
		t.Errorf("%+v", m)
	}
}

func TestSaveAndRestore(t *testing.T) {
	w := classWorld(t, Settings{})
	w.Save(1)
	if !w.Message().Bad {
		t.Error("nothing was saved, and nothing said")
	}
	w.SetField("steps", "2")
	w.SetField("count", "3")
	w.SetModulation(core.ModulationScale{Quantity: "alpha", Scale: 0.5})
	w.Generate()
	settle(t, w)
	first := w.Picture()
	path := func(scale int) string {
		w.message = Message{}
		w.Save(scale)
		until(t, w, "it is not saved", func() bool { return w.Message() != Message{} })
		return strings.TrimPrefix(w.Message().Text, "Saved as ")
	}
	one, other := path(1), path(4)
	if filepath.Base(one) != "grinning-face-0.png" || filepath.Base(other) != "grinning-face-0-2.png" {
		t.Errorf("saved as %s and %s", one, other)
	}
	for file, size := range map[string]int{one: 64, other: 256} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil || img.Bounds().Dx() != size {
			t.Errorf("%s: %v, %v", file, img.Bounds(), err)
		}
	}
	w.SetField("seed", "5")
	w.SetModulation(core.ModulationScale{Scale: 1})
	w.OpenFile(other)
	settle(t, w)
	settle(t, w) // the request that the file holds
	if p := w.Picture(); p == first || !p.Done || p.Metadata.SHA256 != first.Metadata.SHA256 || !strings.Contains(w.Message().Text, "The same pixels as in grinning-face-0-2.png") {
		t.Errorf("%q, %+v", w.Message().Text, w.Picture())
	}
	if !reflect.DeepEqual(w.Request(), first.Request) {
		t.Errorf("the form has %+v", w.Request())
	}
	w.SetFolder(filepath.Join(t.TempDir(), "none"))
	if !w.Message().Bad {
		t.Error("a folder that is not there")
	}
	gone := t.TempDir()
	w.SetFolder(gone)
	os.Remove(gone)
	w.message = Message{}
	w.Save(1)
	until(t, w, "nothing is said", func() bool { return w.Message() != Message{} })
	if !w.Message().Bad {
		t.Errorf("saved to a folder that is gone: %q", w.Message().Text)
	}
	w.Open(&Source{Name: "photo.png", ReadCloser: io.NopCloser(strings.NewReader("\x89PNG\r\n\x1a\n"))})
	settle(t, w)
	if m := w.Message(); !m.Bad || !strings.Contains(m.Text, "photo.png: the picture is damaged") {
		t.Errorf("%q", m.Text)
	}
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deeper", "desktop.json")
	if s, err := ReadSettings(path); err != nil || !reflect.DeepEqual(s, Settings{}) {
		t.Errorf("none: %+v, %v", s, err)
	}
	want := Settings{Request: core.Request{Prompt: "fox", Seed: 3, Steps: 4, Count: 1, Guidance: 2}, Live: true, LiveSteps: 6, Zoom: 1.25, Width: 900, Height: 700}
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSettings(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	w := newWorld(t, got)
	if on, steps := w.Live(); !on || steps != 6 || w.Request().Seed != 3 {
		t.Errorf("live %v with %d steps, %+v", on, steps, w.Request())
	}
	want.Folder = w.Settings.Folder
	if kept := w.Close(); !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %+v, want %+v", kept, want)
	}
	for _, text := range []string{"", "{", `{"zoom": 99}`, `{"request": 3}`, "null garbage", strings.Repeat(" ", maxSettings) + "{}"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, err := ReadSettings(path); err == nil || !reflect.DeepEqual(s, Settings{}) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %+v, %v", text, s, err)
		}
	}
	got.Request.Prompt = "zebrafish"
	odd := newWorld(t, got)
	if r := odd.Request(); r.Prompt != "fox" {
		t.Errorf("%+v", r)
	}
}

// What the inspector draws is what core says of the request.
func TestInspector(t *testing.T) {
	r, err := weights.Open(weightstest.ClassModel)
	if err != nil {
		t.Fatal(err)
	}
	g, err := r.Generator(device(t))
	if err != nil {
		t.Fatal(err)
	}
	req := g.Defaults()
	req.Steps = 5
	m, err := g.Inspect(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	in := newInspector(m)
	in.stepped(7) // the second of the second batch
	for i, mp := range in.Maps {
		img := in.Image(i)
		if b := img.Bounds(); b.Dx() != 5 || b.Dy() != 8 || in.Step != 2 {
			t.Fatalf("map %d is %v at step %d", i, b, in.Step)
		}
		from, to := mp.Range()
		if !(from < to) {
			t.Errorf("%s %s: from %v to %v", mp.Quantity, mp.Branch, from, to)
		}
		branch := &m.Branches[2*3+i%2] // of block 3
		value := branch.Quantities()[i/2].RMS[1]
		if mp.Quantity == "gamma" {
			value = branch.Quantities()[i/2].Mean[1]
		}
		if got, want := img.RGBAAt(1, 3), mp.Scale.Color(value); got != want || mp.Branch != branch.Name {
			t.Errorf("%s %s of block 3, step 2: %v, want %v", mp.Quantity, mp.Branch, got, want)
		}
		if lit, dark := mp.Scale.Color(mp.rows[3][2]), img.RGBAAt(2, 3); dark.R > lit.R/2 {
			t.Errorf("step 3 is lit before it is there: %v", dark)
		}
	}
	if none := newInspector(nil); none != nil {
		t.Error("an inspector of nothing")
	}
}

// Two files make a model: those of the command line, and an autoencoder that is opened
// after its network. Both are remembered, and said on the command line.
func TestPair(t *testing.T) {
	network, vae := weightstest.Network(t, 4), weightstest.AutoencoderFile(t, autoencoder.KL, 4)
	w := newWorld(t, Settings{})
	open := func(path string) {
		w.OpenFile(path)
		settle(t, w)
	}
	open(vae) // beside the built-in model
	if m := w.Message(); !m.Bad || !strings.Contains(m.Text, "makes 3 channels, the autoencoder takes 4") {
		t.Errorf("%+v", m)
	}
	open(network)
	w.Generate()
	settle(t, w)
	if m := w.Message(); !m.Bad || !strings.Contains(m.Text, "no autoencoder") {
		t.Errorf("latents without a decoder: %+v", m)
	}
	open(vae)
	w.Generate()
	settle(t, w)
	p := w.Picture()
	if p == nil || !p.Done || p.Metadata.AutoencoderID == "" {
		t.Fatalf("%+v, %q", p, w.Message().Text)
	}
	if c, err := w.Command(); err != nil || !strings.Contains(c, "-model "+network+" -vae "+vae) {
		t.Errorf("%s, %v", c, err)
	}
	open(weightstest.AutoencoderFile(t, autoencoder.Tiny, 16))
	if m := w.Message(); !m.Bad || !strings.Contains(m.Text, "makes 4 channels, the autoencoder takes 16") {
		t.Errorf("%+v", m)
	}
	s := w.Close()
	if s.Model != network || s.VAE != vae {
		t.Errorf("settings %+v", s)
	}
	for _, again := range []*World{New(device(t), s, "", ""), New(device(t), Settings{}, network, vae)} {
		settle(t, again)
		again.SetRequest(p.Request)
		again.Generate()
		settle(t, again)
		if q := again.Picture(); q == nil || !q.Done || q.Metadata.SHA256 != p.Metadata.SHA256 {
			t.Errorf("%+v, %q", q, again.Message().Text)
		}
		again.Close()
	}
}
