package source

import "testing"

func TestBeside(t *testing.T) {
	for from, want := range map[string]string{
		"https://e.example/a/big-1.gguf?x=big-1.gguf#f": "https://e.example/a/big-2.gguf?x=big-1.gguf#f",
		"https://e.example/a%2Fb/big-1.gguf":            "https://e.example/a%2Fb/big-2.gguf",
		"https://e.example/my%20models/big-1.gguf":      "https://e.example/my%20models/big-2.gguf",
		"file:///media/usb/big-1.gguf":                  "file:///media/usb/big-2.gguf",
		"https://e.example/big-1.gguf":                  "https://e.example/big-2.gguf",
		"oci://r.example/models/big-1.gguf":             "oci://r.example/models/big-1.gguf",
	} {
		if got := Beside(from, "big-2.gguf"); got != want {
			t.Errorf("beside %s is %s, not %s", from, got, want)
		}
	}
}

func TestHost(t *testing.T) {
	for address, want := range map[string]string{
		"https://models.example.com:8443/x": "models.example.com:8443",
		"oci://r.example/models/x":          "r.example",
		"file:///media/usb/x.gguf":          "/media/usb/x.gguf",
	} {
		if got := Host(address); got != want {
			t.Errorf("%s leads to %s, not %s", address, got, want)
		}
	}
}
