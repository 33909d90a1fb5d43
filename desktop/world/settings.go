package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dit8/core"
	"dit8/internal/atomicfile"
	"dit8/internal/bounded"
	"dit8/internal/picture"
)

// Settings are what the program remembers.
type Settings struct {
	Request   core.Request `json:"request"`
	Model     string       `json:"model,omitempty"`  // path; "" is the built-in one
	VAE       string       `json:"vae,omitempty"`    // path of its autoencoder, where that is another file
	Models    string       `json:"models,omitempty"` // folder of models to choose from; "" is the open one's
	Folder    string       `json:"folder,omitempty"` // of saved pictures; "" is the user's
	Live      bool         `json:"live,omitempty"`
	LiveSteps int          `json:"live_steps,omitempty"`
	Zoom      float64      `json:"zoom,omitempty"`  // of the window's text and controls, MinZoom to MaxZoom; 0 is 1
	Fit       picture.Fit  `json:"fit,omitempty"`   // of photos of other shapes
	Width     int          `json:"width,omitempty"` // of the window, device-independent pixels; 0 is the default
	Height    int          `json:"height,omitempty"`
}

// Limits of Settings.Zoom.
const (
	MinZoom = 0.5
	MaxZoom = 3
)

// maxSettings bounds the bytes of a file of settings.
const maxSettings = 1 << 20

// SettingsFile is dit8/desktop.json in the user's folder of configuration.
func SettingsFile() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "dit8", "desktop.json"), err
}

// ReadSettings reads a file of settings. One that is not there is none. On an error
// the settings are the defaults, to go on with.
func ReadSettings(path string) (Settings, error) {
	data, err := bounded.File(path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	if err := json.Unmarshal(data, &s); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	if s.Zoom != 0 && !(s.Zoom >= MinZoom && s.Zoom <= MaxZoom) {
		return Settings{}, fmt.Errorf("%s: zoom is %v, allowed: %v to %v", path, s.Zoom, MinZoom, MaxZoom)
	}
	if err := s.Fit.Check(); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Write writes the settings, all or nothing.
func (s Settings) Write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, err := atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	})
	return err
}
