package weights_test

import (
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/weights/weightstest"
)

func TestGoldenFamilies(t *testing.T) {
	for _, name := range native.Names() {
		t.Run(name, func(t *testing.T) {
			weightstest.Families(t, func() compute.Device {
				dev, err := native.New(name, 2)
				if err != nil {
					t.Fatal(err)
				}
				return dev
			})
		})
	}
}

func TestGoldenWords(t *testing.T) {
	for _, name := range native.Names() {
		t.Run(name, func(t *testing.T) {
			weightstest.Words(t, "../testdata/words.dit8", func() compute.Device {
				dev, err := native.New(name, 2)
				if err != nil {
					t.Fatal(err)
				}
				return dev
			})
		})
	}
}
