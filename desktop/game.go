package main

import (
	"errors"
	"image"
	"io/fs"
	"math"
	"path"
	"sync/atomic"
	"time"

	"github.com/atotto/clipboard"
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"
	"github.com/ncruces/zenity"

	"dit8/desktop/world"
)

// game is the window: a thin layer around the world. It draws only what changes, so
// that an idle window costs nothing and a busy one leaves the cores to the sampler.
type game struct {
	world  *world.World
	log    *eventLog
	quit   atomic.Bool
	view   *view
	model  string // whose view it is
	notes  chan world.Message
	pasted chan string
	picked chan string // the path of a file
	asking bool        // the system's dialog for it is open

	all     int  // frames to draw all of the window in
	redraw  int  // frames to draw the widgets in
	repaint bool // what a request changes has changed
	dialog  bool // one was open in the frame before
	shown   *world.Picture
	blink   time.Time
	cursor  [2]int
	size    image.Point
	frames  frameTimes
}

// settleFrames is how many frames widgets may take to show what an input did.
const settleFrames = 3

func newGame(w *world.World, log *eventLog) *game {
	return &game{world: w, log: log, notes: make(chan world.Message, 4), pasted: make(chan string, 4), picked: make(chan string, 1)}
}

func (g *game) Layout(int, int) (int, int) { panic("LayoutF is used") }

// LayoutF makes a pixel of the screen a pixel of the monitor.
func (g *game) LayoutF(w, h float64) (float64, float64) {
	s := ebiten.Monitor().DeviceScaleFactor()
	return math.Ceil(w * s), math.Ceil(h * s)
}

// zoom is the user's, 1 where there is none.
func (g *game) zoom() float64 {
	if z := g.world.Settings.Zoom; z != 0 {
		return z
	}
	return 1
}

func (g *game) Update() error {
	if g.quit.Load() {
		return ebiten.Termination
	}
	changes := g.world.Poll()
	if err := g.build(); err != nil {
		return err
	}
	g.drop()
	input := g.input()
	g.view.ui.Update()
	g.keys()
	g.take()
	if input || changes.Rest {
		g.redraw = settleFrames
	}
	if g.redraw > 0 {
		g.view.sync()
	}
	g.repaint = g.repaint || changes.Picture || changes.Rest || g.shown != g.world.Picture()
	g.shown = g.world.Picture()
	g.world.Settings.Width, g.world.Settings.Height = ebiten.WindowSize()
	g.log.follow(g)
	return nil
}

// build makes the widgets for the model and the scale, anew where these change.
func (g *game) build() error {
	scale := ebiten.Monitor().DeviceScaleFactor() * g.zoom()
	m, _ := g.world.Model()
	if g.view != nil && g.view.theme.scale == scale && g.model == m.Path+m.VAE+m.ID {
		return nil
	}
	t, err := newTheme(scale)
	if err != nil {
		return err
	}
	g.view, g.model, g.redraw = newView(g.world, t, actions{g.copyCommand, g.askFile}), m.Path+m.VAE+m.ID, settleFrames
	g.all = settleFrames
	return nil
}

// input tells whether the user does anything.
func (g *game) input() bool {
	x, y := ebiten.CursorPosition()
	moved := g.cursor != [2]int{x, y}
	g.cursor = [2]int{x, y}
	wx, wy := ebiten.Wheel()
	return moved || wx != 0 || wy != 0 ||
		ebiten.IsMouseButtonPressed(ebiten.MouseButtonLeft) || ebiten.IsMouseButtonPressed(ebiten.MouseButtonRight) ||
		inpututil.IsMouseButtonJustReleased(ebiten.MouseButtonLeft) || inpututil.IsMouseButtonJustReleased(ebiten.MouseButtonRight) ||
		len(inpututil.AppendPressedKeys(nil)) > 0 || len(inpututil.AppendJustReleasedKeys(nil)) > 0 || len(ebiten.AppendInputChars(nil)) > 0
}

// drop opens the first file that was dropped on the window.
func (g *game) drop() {
	files := ebiten.DroppedFiles()
	if files == nil {
		return
	}
	entries, err := fs.ReadDir(files, ".")
	if err == nil && len(entries) > 0 {
		var f fs.File
		if f, err = files.Open(entries[0].Name()); err == nil {
			if entries[0].IsDir() {
				f.Close()
				g.world.Say(world.Message{Text: entries[0].Name() + " is not a file.", Bad: true})
			} else {
				g.world.Open(&world.Source{Name: path.Base(entries[0].Name()), ReadCloser: f})
			}
		}
	}
	if err != nil {
		g.world.Say(world.Message{Text: err.Error(), Bad: true})
	}
	g.redraw = settleFrames
}

// copyCommand puts the command line of the picture on the clipboard, or shows it
// where there is none.
func (g *game) copyCommand() {
	line, err := g.world.Command()
	if err != nil {
		g.world.Say(world.Message{Text: err.Error(), Bad: true})
		return
	}
	g.copy(line, world.Message{Text: "Copied: " + line})
}

// copy runs elsewhere, as on Linux it starts another program.
func (g *game) copy(text string, done world.Message) {
	go func() {
		if err := clipboard.WriteAll(text); err != nil {
			done = world.Message{Text: "The clipboard cannot be reached (" + err.Error() + "). This is it: " + text, Bad: true}
		}
		g.notes <- done
	}()
}

// askFile asks for a file by the system's dialog, where it has one, which stays open while the window goes on.
func (g *game) askFile() {
	if g.asking {
		return
	}
	if !zenity.IsAvailable() {
		g.view.askPath()
		return
	}
	g.asking = true
	go func() {
		path, err := zenity.SelectFile(zenity.Title("Open a model or a picture"), zenity.FileFilters{
			{Name: "Models and pictures", Patterns: []string{"*.dit8", "*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif", "*.bmp"}, CaseFold: true},
			{Name: "All files", Patterns: []string{"*"}},
		})
		if err != nil && !errors.Is(err, zenity.ErrCanceled) {
			g.notes <- world.Message{Text: "The system's dialog cannot be opened (" + err.Error() + "). Drop the file on this window.", Bad: true}
		}
		g.picked <- path
	}()
}

// take takes over what the clipboard and the dialog for files said.
func (g *game) take() {
	select {
	case m := <-g.notes:
		g.world.Say(m)
		g.redraw = settleFrames
	case path := <-g.picked:
		g.asking = false
		if path != "" {
			g.world.OpenFile(path)
		}
		g.redraw = settleFrames
	case text := <-g.pasted:
		if f := g.view.focusedField(); f != nil {
			f.Insert(text)
		}
		g.redraw = settleFrames
	default:
	}
}

// blinkTime is how often the caret is looked after.
const blinkTime = 225 * time.Millisecond

func (g *game) Draw(screen *ebiten.Image) {
	now := time.Now()
	busy, loading := g.world.Busy()
	g.frames.tick(now, busy && !loading)
	if size := screen.Bounds().Size(); size != g.size {
		g.size, g.redraw, g.all = size, settleFrames, settleFrames
		g.view.closeDialog()
	}
	// A dialog stands above the rest, or did in the frame before.
	dialog := g.view.dialog != nil
	closed := g.dialog && !dialog
	all := g.all > 0 || dialog || closed
	switch {
	case closed, all && (g.redraw > 0 || g.repaint):
		g.view.draw(screen, true)
	case g.redraw > 0:
		g.view.draw(screen, false)
		if g.repaint {
			g.view.repaint(screen)
		}
	case g.repaint:
		g.view.repaint(screen)
	case !dialog && now.Sub(g.blink) > blinkTime:
		if f := g.view.focusedField(); f != nil {
			f.Render(screen)
		}
		g.blink = now
	}
	g.redraw, g.all, g.repaint, g.dialog = max(0, g.redraw-1), max(0, g.all-1), false, dialog
}

// DrawFinalScreen copies, which costs less than to blend.
func (g *game) DrawFinalScreen(screen ebiten.FinalScreen, offscreen *ebiten.Image, m ebiten.GeoM) {
	screen.DrawImage(offscreen, &ebiten.DrawImageOptions{GeoM: m, Blend: ebiten.BlendCopy})
}
