package main

import (
	"strings"

	"github.com/ebitenui/ebitenui/widget"

	"dit8/desktop/world"
)

// pickerRows are the classes that are seen at once.
const pickerRows = 7

// picker is the class search: a field whose text filters, and the classes that match. Of
// a model that is told words it is the prompt's field, and what the prompt may become.
type picker struct {
	*widget.Container
	world   *world.World
	theme   *theme
	search  *field
	rows    [pickerRows]*widget.Button
	count   *widget.Text
	matches []string
	at, top int // the chosen match, and the first that is seen
}

func (t *theme) newPicker(w *world.World) *picker {
	p := &picker{world: w, theme: t}
	hint := "Type to search"
	if w.Words() {
		hint = "Say what to draw"
	}
	p.search = t.newField(hint, func(string) { p.typed() }, nil)
	p.count = t.label("", soft)
	rows := make([]widget.PreferredSizeLocateableWidget, pickerRows)
	for i := range p.rows {
		p.rows[i] = t.newButton("", func() {
			if p.top+i < len(p.matches) {
				p.choose(p.top + i)
			}
		}, widget.ButtonOpts.TextPosition(widget.TextPositionStart, widget.TextPositionCenter), widget.ButtonOpts.TextPadding(t.insets(10, 3)),
			widget.ButtonOpts.TabOrder(-1), widget.ButtonOpts.Image(t.row), widget.ButtonOpts.WidgetOpts(widget.WidgetOpts.MinSize(0, t.px(23))))
		rows[i] = p.rows[i]
	}
	list := widget.NewContainer(
		widget.ContainerOpts.BackgroundImage(t.box),
		widget.ContainerOpts.WidgetOpts(widget.WidgetOpts.LayoutData(widget.RowLayoutData{Stretch: true})),
		widget.ContainerOpts.Layout(widget.NewRowLayout(widget.RowLayoutOpts.Direction(widget.DirectionVertical), widget.RowLayoutOpts.Padding(t.insets(2, 2)))))
	list.AddChild(t.column(0, rows...))
	list.GetWidget().ScrolledEvent.AddHandler(func(a any) { p.scroll(-int(a.(*widget.WidgetScrolledEventArgs).Y)) })
	add := t.newButton("+ mix", func() { p.addToMix() })
	p.Container = t.column(6, t.grid(6, []bool{true, false}, p.search, add), list, p.count)
	p.filter()
	return p
}

// typed takes the text; where pictures are live, it is drawn at once if it is a prompt.
func (p *picker) typed() {
	p.filter()
	if on, _ := p.world.Live(); on && p.isPrompt() {
		p.pick()
	}
}

// isPrompt tells whether the text itself is what Enter picks.
func (p *picker) isPrompt() bool {
	return p.world.Words() && len(p.matches) > 0 && p.matches[0] == strings.TrimSpace(p.search.GetText())
}

// filter takes the classes that match the text, the best one chosen.
func (p *picker) filter() {
	p.matches = p.world.Matches(p.search.GetText())
	p.at, p.top = 0, 0
	if p.search.GetText() == "" { // where the form's class is
		for i, name := range p.matches {
			if name == p.world.Mix()[0].Class {
				p.at = i
			}
		}
	}
	p.move(0)
}

// move moves the choice.
func (p *picker) move(by int) {
	p.at = max(0, min(p.at+by, len(p.matches)-1))
	p.top = max(min(p.top, p.at), p.at-pickerRows+1)
}

// scroll moves what is seen.
func (p *picker) scroll(by int) { p.top = max(0, min(p.top+by, len(p.matches)-pickerRows)) }

// chosen is the class that Enter picks, "" where nothing matches.
func (p *picker) chosen() string {
	if p.at < len(p.matches) {
		return p.matches[p.at]
	}
	return ""
}

// choose makes match i the class of the form.
func (p *picker) choose(i int) {
	p.at = i
	p.pick()
}

func (p *picker) pick() {
	if name := p.chosen(); name != "" && name != p.world.Mix()[0].Class {
		p.world.Pick(name)
	}
}

func (p *picker) addToMix() {
	if name := p.chosen(); name != "" {
		p.world.AddToMix(name)
	}
}

// sync shows what the world has.
func (p *picker) sync() {
	for i, b := range p.rows {
		text, img := "", p.theme.row
		if k := p.top + i; k < len(p.matches) {
			text = p.matches[k]
			if k == p.at {
				img = p.theme.rowPicked
			}
		}
		setButton(b, text, img)
		b.GetWidget().Visibility = widget.Visibility_Hide_Blocking // its room stays
		if text != "" {
			b.GetWidget().Visibility = widget.Visibility_Show
		}
	}
	switch n := len(p.matches); {
	case p.world.Words():
		if p.count.Label = p.world.Unknown(p.search.GetText()); p.count.Label == "" {
			p.count.Label = "Enter generates, ↑ and ↓ choose."
		}
	case n == 0:
		p.count.Label = "No class has this in its name."
	case n == 1:
		p.count.Label = "1 class"
	default:
		p.count.Label = plural(n) + ". Enter generates, ↑ and ↓ choose."
	}
}
