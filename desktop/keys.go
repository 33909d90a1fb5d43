package main

import (
	"math"
	"slices"

	"github.com/atotto/clipboard"
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"

	"dit8/desktop/world"
)

func shift() bool { return ebiten.IsKeyPressed(ebiten.KeyShift) }

func control() bool {
	return ebiten.IsKeyPressed(ebiten.KeyControl) || ebiten.IsKeyPressed(ebiten.KeyMeta)
}

// repeating tells whether a key goes down, or is held for long.
func repeating(k ebiten.Key) bool {
	d := inpututil.KeyPressDuration(k)
	return inpututil.IsKeyJustPressed(k) || d > 24 && d%3 == 0
}

// keys runs what the keys of the window do (see the dialog of that name).
func (g *game) keys() {
	v, w := g.view, g.world
	pressed := inpututil.IsKeyJustPressed
	enter := pressed(ebiten.KeyEnter) || pressed(ebiten.KeyNumpadEnter)
	field := v.focusedField()
	switch {
	case v.menu != nil:
		v.menuKeys(enter || pressed(ebiten.KeySpace), pressed(ebiten.KeyEscape) || pressed(ebiten.KeyTab))
	case v.dialog == nil && !control() && (enter || pressed(ebiten.KeySpace)) && v.openFocused():
	case pressed(ebiten.KeyEscape):
		if v.dialog != nil {
			v.closeDialog()
		} else {
			w.Cancel()
		}
	case pressed(ebiten.KeyTab):
		if shift() {
			v.focusNext(-1)
		} else {
			v.focusNext(1)
		}
	case enter && v.path != nil:
		v.openPath()
	case enter && v.dialog == nil && (control() || field != nil):
		v.generate()
	case repeating(ebiten.KeyDown) && field == v.picker.search:
		v.picker.move(1)
	case repeating(ebiten.KeyUp) && field == v.picker.search:
		v.picker.move(-1)
	case pressed(ebiten.KeyF1):
		v.showKeys()
	case pressed(ebiten.KeyF11):
		ebiten.SetFullscreen(!ebiten.IsFullscreen())
	case repeating(ebiten.KeyPageUp):
		g.recall(-1)
	case repeating(ebiten.KeyPageDown):
		g.recall(1)
	case control():
		g.controlKeys(field)
	}
}

func (g *game) controlKeys(field *field) {
	v, w := g.view, g.world
	for key, run := range map[ebiten.Key]func(){
		ebiten.KeyF: func() { v.focus(v.picker.search); v.picker.search.SelectAll() },
		ebiten.KeyR: w.Dice,
		ebiten.KeyL: v.toggleLive,
		ebiten.KeyM: v.picker.addToMix,
		ebiten.KeyO: g.askFile,
		ebiten.KeyQ: func() { g.quit.Store(true) },
		ebiten.KeyS: func() {
			if shift() {
				w.Save(largeScale)
			} else {
				w.Save(1)
			}
		},
		ebiten.KeyA: func() {
			if field != nil {
				field.SelectAll()
			}
		},
		ebiten.KeyC: func() {
			if field != nil && field.SelectedText() != "" {
				text := field.SelectedText()
				g.copy(text, world.Message{Text: "Copied: " + text})
			} else {
				g.copyCommand()
			}
		},
		ebiten.KeyV: func() {
			go func() {
				if text, err := clipboard.ReadAll(); err == nil {
					g.pasted <- text
				}
			}()
		},
		ebiten.KeyEqual:          func() { g.setZoom(g.zoom() + 0.1) },
		ebiten.KeyNumpadAdd:      func() { g.setZoom(g.zoom() + 0.1) },
		ebiten.KeyMinus:          func() { g.setZoom(g.zoom() - 0.1) },
		ebiten.KeyNumpadSubtract: func() { g.setZoom(g.zoom() - 0.1) },
		ebiten.Key0:              func() { g.setZoom(1) },
	} {
		if inpututil.IsKeyJustPressed(key) {
			run()
			g.redraw = settleFrames
		}
	}
}

func (g *game) setZoom(z float64) {
	g.world.Settings.Zoom = max(world.MinZoom, min(math.Round(z*10)/10, world.MaxZoom))
}

// recall shows the picture that is by places further in the history.
func (g *game) recall(by int) {
	at := slices.Index(g.world.History(), g.world.Picture())
	g.world.Recall(max(0, at+by))
}
