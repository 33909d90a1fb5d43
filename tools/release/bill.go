package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// bill is a software bill of materials, as CycloneDX 1.6 has it in JSON
// (https://cyclonedx.org/docs/1.6/json/). It has no time and no number of its own, so that the
// same programs have the same bill.
type bill struct {
	Format      string `json:"bomFormat"`
	SpecVersion string `json:"specVersion"`
	Version     int    `json:"version"`
	Metadata    struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
	Address  string    `json:"purl,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Expression string `json:"expression"` // SPDX's
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

func licenced(expression string) []licence {
	if expression == "" {
		return nil
	}
	return []licence{{expression}}
}

// billOf is the bill of dit8 with the model that is built in, and its parts.
func billOf(version string, model []byte, parts []part) ([]byte, error) {
	b := bill{Format: "CycloneDX", SpecVersion: "1.6", Version: 1}
	address := "pkg:golang/dit8@" + version
	b.Metadata.Component = component{Type: "application", Ref: address, Name: "dit8", Version: version, Licences: licenced("MIT"), Address: address}
	on := dependency{Ref: address}
	add := func(c component) {
		b.Components = append(b.Components, c)
		on.On = append(on.On, c.Ref)
	}
	for _, p := range parts {
		address := fmt.Sprintf("pkg:%s/%s@%s", p.kind, p.name, p.version)
		add(component{Type: "library", Ref: address, Name: p.name, Version: p.version, Licences: licenced(p.licence), Address: address})
	}
	add(component{Type: "machine-learning-model", Ref: "default.dit8", Name: "default.dit8", Licences: licenced("CC-BY-4.0"),
		Hashes: []hash{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(model))}}})
	b.Dependencies = []dependency{on}
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}
