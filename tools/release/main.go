// Command release packs what make release has built: a folder for each system, which gets
// the licences, becomes an archive, and has its parts named in a software bill of materials.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dit8/internal/atomicfile"
	"dit8/weights"
)

const usage = `release packs the folders dit8-VERSION-SYSTEM-ARCH of DIR, each of which holds a built program.
It runs in the repository's root, after make release has built them.

  release VERSION DIR

Written to DIR: an archive of each, dit8-VERSION.cdx.json (CycloneDX) and SHA256SUMS.
`

func main() {
	if len(os.Args) != 3 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := release(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(version, dir string) error {
	folders, err := filepath.Glob(filepath.Join(dir, "dit8-"+version+"-*-*", "dit8*"))
	if err != nil {
		return err
	}
	var programs []string
	for _, f := range folders {
		if name := filepath.Base(f); name == "dit8" || name == "dit8.exe" {
			programs = append(programs, f)
		}
	}
	if len(programs) == 0 {
		return fmt.Errorf("%s: no dit8-%s-SYSTEM-ARCH with a program dit8", dir, version)
	}
	var infos []*buildinfo.BuildInfo
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		infos = append(infos, info)
	}
	parts, err := partsOf(infos)
	if err != nil {
		return err
	}
	foreign, err := notices(parts)
	if err != nil {
		return err
	}
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	var made []string
	for _, p := range programs {
		folder := filepath.Dir(p)
		if err := errors.Join(atomicfile.WriteBytes(filepath.Join(folder, "LICENSE"), own), atomicfile.WriteBytes(filepath.Join(folder, "THIRD_PARTY"), foreign)); err != nil {
			return err
		}
		archive, err := pack(folder)
		if err != nil {
			return err
		}
		made = append(made, archive)
	}
	bill := filepath.Join(dir, "dit8-"+version+".cdx.json")
	text, err := billOf(version, weights.DefaultBytes(), parts)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(bill, text); err != nil {
		return err
	}
	return sums(filepath.Join(dir, "SHA256SUMS"), append(made, bill))
}

// sums writes the file that "sha256sum -c" reads.
func sums(path string, files []string) error {
	var text strings.Builder
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", h.Sum(nil), filepath.Base(name))
	}
	return atomicfile.WriteBytes(path, []byte(text.String()))
}
