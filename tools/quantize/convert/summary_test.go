package convert

import "testing"

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		Count(1234): "1.2 k", Count(5550000): "5.55 M",
		Bytes(12): "12 bytes", Bytes(1234): "1.2 kB", Bytes(5510000): "5.51 MB",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
