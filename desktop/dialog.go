package main

import (
	"image"
	"strings"

	"github.com/ebitenui/ebitenui/widget"
)

// keys are the keys of the window; on a Mac, Command is Ctrl too.
const keys = `Enter               in a field: generate
Ctrl+Enter          generate
Esc                 cancel; close a dialog or a list
↑  ↓                in the search or a list: choose
Ctrl+M              add the chosen class to the mix
Tab, Shift+Tab      next and previous control
←  →                move the slider
Enter, Space        press the button; choose from its list
Ctrl+F              search
Ctrl+R              another seed
Ctrl+L              live mode
Ctrl+S              save the picture as PNG
Ctrl+Shift+S        save it with large pixels
Ctrl+C              copy: the selection, else the command
Ctrl+V              paste
Ctrl+O              open a model or a picture
Page Up, Page Down  through the history
Ctrl+Plus, Minus    larger and smaller; Ctrl+0: as it was
F11                 full screen
F1                  these keys
Ctrl+Q              quit

Files may be dropped on the window: models (.dit8) are
opened, saved pictures are made again, photos are started from.
A black and white picture named …mask… says what is painted
anew in the one before it: white, a brightness from 128 on.`

// open shows a dialog of some widgets in the middle of the window.
func (v *view) open(width float64, children ...widget.PreferredSizeLocateableWidget) {
	v.closeDialog()
	t := v.theme
	inner := t.column(10, children...)
	root := widget.NewContainer(
		widget.ContainerOpts.BackgroundImage(t.box),
		widget.ContainerOpts.Layout(widget.NewRowLayout(widget.RowLayoutOpts.Direction(widget.DirectionVertical), widget.RowLayoutOpts.Padding(t.insets(24, 20)))))
	root.AddChild(inner)
	_, h := root.PreferredSize()
	size := image.Pt(t.px(width), h)
	at := v.root.GetWidget().Rect.Size().Sub(size).Div(2)
	v.show(root, image.Rectangle{Max: size}.Add(at))
}

// show shows widgets above the others, until a click elsewhere.
func (v *view) show(root *widget.Container, at image.Rectangle) {
	v.dialogRoot = root
	v.dialog = widget.NewWindow(widget.WindowOpts.Contents(root), widget.WindowOpts.Modal(), widget.WindowOpts.CloseMode(widget.CLICK_OUT),
		widget.WindowOpts.Location(at), widget.WindowOpts.ClosedHandler(func(*widget.WindowClosedEventArgs) { v.gone() }))
	v.ui.AddWindow(v.dialog)
}

func (v *view) closeDialog() {
	if v.dialog != nil {
		v.dialog.Close()
		v.gone()
	}
}

// gone forgets the dialog or list that was open.
func (v *view) gone() { v.dialog, v.path, v.menu = nil, nil, nil }

func (v *view) showKeys() {
	t := v.theme
	var rows []widget.PreferredSizeLocateableWidget
	for line := range strings.Lines(keys) {
		rows = append(rows, widget.NewText(widget.TextOpts.Text(strings.TrimRight(line, "\n"), t.mono, ink)))
	}
	v.open(500, t.caption("Keys"), t.column(3, rows...))
}

// askPath asks for the path of a file to open, where the system has no dialog for that.
func (v *view) askPath() {
	t := v.theme
	path := t.newField("Path of a .dit8 model, or of a picture", func(string) {}, nil)
	v.open(560, t.caption("Open a file"), path, t.label("Or drop the file on this window. Enter opens, Esc does not.", soft))
	v.path = path
	v.focus(path)
}

// openPath opens what the dialog asks for.
func (v *view) openPath() {
	path := v.path.GetText()
	v.closeDialog()
	v.world.OpenFile(path)
}

func (t *theme) caption(s string) *widget.Text {
	return widget.NewText(widget.TextOpts.Text(s, t.heading, accent))
}
