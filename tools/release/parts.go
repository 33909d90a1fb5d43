package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// part is something in a program that is not dit8's own.
type part struct {
	name, version string
	kind          string // of its address (purl): golang or npm
	licence       string // SPDX's expression of it; "" where it is not known
	text          []byte // of the licence, with notices
}

// inPage are the npm packages that the built page holds.
var inPage = []string{"zstddec"}

// partsOf are the modules that the programs were built of, by what they say themselves, the
// standard library and the page's packages.
func partsOf(infos []*buildinfo.BuildInfo) ([]part, error) {
	folders, err := moduleFolders()
	if err != nil {
		return nil, err
	}
	all := []part{{name: "std", version: strings.TrimPrefix(infos[0].GoVersion, "go"), kind: "golang"}}
	for _, info := range infos {
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			all = append(all, part{name: m.Path, version: m.Version, kind: "golang"})
		}
	}
	slices.SortFunc(all, func(a, b part) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.version, b.version))
	})
	all = slices.CompactFunc(all, func(a, b part) bool { return a.name == b.name && a.version == b.version })
	for i, p := range all {
		folder := folders[p.name]
		if p.name == "std" {
			if folder, err = goroot(); err != nil {
				return nil, err
			}
		}
		if all[i].text, err = licences(folder); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	packages, err := npmParts()
	if err != nil {
		return nil, err
	}
	all = append(all, packages...)
	for i := range all {
		all[i].licence = spdx(all[i].text)
	}
	return all, nil
}

// moduleFolders are where the modules' sources lie, by name.
func moduleFolders() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	folders := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		folders[name] = folder
	}
	return folders, nil
}

func goroot() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// npmParts are those of inPage, as the lock file pins them.
func npmParts() (all []part, err error) {
	text, err := os.ReadFile("web/package-lock.json")
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("web/package-lock.json: %w", err)
	}
	for _, name := range inPage {
		p := part{name: name, version: lock.Packages["node_modules/"+name].Version, kind: "npm"}
		if p.version == "" {
			return nil, fmt.Errorf("web/package-lock.json has no %s", name)
		}
		if p.text, err = licences(filepath.Join("web/node_modules", name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// licences are the texts of a folder's files that are named as licences and notices are.
func licences(folder string) (text []byte, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "NOTICE") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		text = append(append(text, bytes.TrimSpace(b)...), "\n\n"...)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s has no licence", folder)
	}
	return text, nil
}

// spdx are the names of licences by the words that only they have, as an expression: some
// modules hold code under several.
func spdx(text []byte) string {
	flat := strings.Join(strings.Fields(string(text)), " ")
	var names []string
	for _, l := range []struct{ name, words string }{
		{"Apache-2.0", "Apache License Version 2.0"},
		{"MIT", "Permission is hereby granted, free of charge"},
		{"BSD-3-Clause", "may be used to endorse or promote products derived from this software"},
		{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	} {
		if strings.Contains(flat, l.words) && !(l.name == "BSD-2-Clause" && slices.Contains(names, "BSD-3-Clause")) {
			names = append(names, l.name)
		}
	}
	return strings.Join(names, " AND ")
}

// notices are the licences of all parts, and who drew what the default model learned of.
func notices(parts []part) ([]byte, error) {
	drawings, err := os.ReadFile("tools/dataset/ATTRIBUTION.md")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("What is in dit8 and not its own.\n\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%s %s:\n\n%s", p.name, p.version, p.text)
	}
	fmt.Fprintf(&b, "The default model (CC-BY-4.0) was trained on drawings.\n\n%s", drawings)
	return b.Bytes(), nil
}
