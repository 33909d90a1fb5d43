// Command desktop is dit8 in a window: for those who want it fast, offline and large.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/hajimehoshi/ebiten/v2"

	"dit8/core/compute/native"
	"dit8/desktop/world"
	"dit8/internal/usage"
)

const help = `desktop generates images in a window. F1 shows its keys.

  desktop [flags] [FILE]

FILE is a .dit8 model to open, or a PNG made by dit8 to make again. An autoencoder's file that is
opened in the window draws the latents of the model that is open.

`

// Sizes of the window in device-independent pixels.
const (
	defaultWidth, defaultHeight = 1240, 800
	minWidth, minHeight         = 1000, 700
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run returns the exit code: 0, 1 where the window failed, 2 where the command line is
// wrong.
func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("desktop", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	model := f.String("model", "", "the .dit8 `file`; default: the one of last time, or the built-in model")
	vae := f.String("vae", "", "the .dit8 `file` of the autoencoder that turns the latents of -model into images; default: the one in its file")
	models := f.String("models", "", "`folder` of .dit8 files to choose from in the window; default: the one of last time, or the open file's")
	settings := f.String("settings", "", "`file` of the settings; default: dit8/desktop.json where the system keeps those of a user")
	folder := f.String("folder", "", "`folder` to save pictures in; default: the one of last time, or the user's pictures")
	device := f.String("device", "", "`name` of the device: "+strings.Join(native.Names(), ", ")+"; default: the first of them")
	threads := f.Int("threads", 0, fmt.Sprintf("threads to compute with, up to %d; default: all cores but one, which draws", native.MaxThreads))
	events := f.String("log", "", "`file` to write events to, as lines of JSON; - is standard output")
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage.Print(stdout, help, f)
		return 0
	case err == nil && f.NArg() > 1:
		err = fmt.Errorf("unexpected argument %q", f.Arg(1))
	case err == nil && f.NArg() == 1 && *model != "":
		err = errors.New("-model and a file are two files to open")
	case err == nil && *vae != "" && *model == "" && f.NArg() == 0:
		err = errors.New("-vae goes with -model")
	}
	if err == nil && f.NArg() == 1 {
		*model = f.Arg(0)
	}
	if *threads == 0 {
		*threads = max(1, min(runtime.GOMAXPROCS(0)-1, native.MaxThreads))
	}
	dev, deviceErr := native.New(*device, *threads)
	if err == nil && deviceErr != nil {
		err = fmt.Errorf("-%w", deviceErr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "desktop: %v\n%s", err, usage.Hint("desktop"))
		return 2
	}
	if *settings == "" {
		if *settings, err = world.SettingsFile(); err != nil {
			fmt.Fprintln(stderr, "desktop: settings are not kept:", err)
		}
	}
	var log *eventLog
	if *events == "-" {
		log = &eventLog{w: stdout}
	} else if *events != "" {
		file, err := os.Create(*events)
		if err != nil {
			fmt.Fprintln(stderr, "desktop:", err)
			return 1
		}
		defer file.Close()
		log = &eventLog{w: file}
	}
	kept, note := world.Settings{}, error(nil)
	if *settings != "" {
		kept, note = world.ReadSettings(*settings)
	}
	for _, of := range []struct {
		flag, dir string
		kept      *string
	}{{"folder", *folder, &kept.Folder}, {"models", *models, &kept.Models}} {
		if of.dir == "" {
			continue
		}
		if st, err := os.Stat(of.dir); err != nil || !st.IsDir() {
			fmt.Fprintf(stderr, "desktop: -%s %s is not a folder\n", of.flag, of.dir)
			return 2
		}
		if *of.kept, err = filepath.Abs(of.dir); err != nil {
			fmt.Fprintf(stderr, "desktop: -%s: %v\n", of.flag, err)
			return 2
		}
	}
	w := world.New(dev, kept, *model, *vae)
	if note != nil {
		w.Say(world.Message{Text: "The settings were ignored: " + note.Error(), Bad: true})
	}
	err = show(w, log)
	kept = w.Close()
	if *settings != "" {
		err = errors.Join(err, kept.Write(*settings))
	}
	if err != nil {
		fmt.Fprintln(stderr, "desktop:", err)
		return 1
	}
	return 0
}

// show runs the window until it is closed.
func show(w *world.World, log *eventLog) error {
	g := newGame(w, log)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	go func() {
		<-stop
		g.quit.Store(true)
	}()
	width, height := w.Settings.Width, w.Settings.Height
	if width < minWidth || height < minHeight {
		width, height = defaultWidth, defaultHeight
	}
	ebiten.SetWindowTitle("dit8")
	ebiten.SetWindowSize(width, height)
	ebiten.SetWindowSizeLimits(minWidth, minHeight, -1, -1)
	ebiten.SetWindowResizingMode(ebiten.WindowResizingModeEnabled)
	ebiten.SetScreenClearedEveryFrame(false)
	ebiten.SetRunnableOnUnfocused(true)
	return ebiten.RunGameWithOptions(g, &ebiten.RunGameOptions{X11ClassName: "dit8", X11InstanceName: "dit8"})
}
