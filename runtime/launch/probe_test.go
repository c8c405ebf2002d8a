package launch

import (
	"strings"
	"testing"
)

// What a process says is kept to its end, and not without limit.
func TestBounded(t *testing.T) {
	var b bounded
	for _, n := range []int{1, most, 10, 3 * most, 5, most, most} {
		if got, err := b.Write([]byte(strings.Repeat("x", n-1) + "y")); got != n || err != nil {
			t.Errorf("%d of %d were taken: %v", got, n, err)
		}
		if b.Len() > 2*most || !strings.HasSuffix(b.String(), "y") {
			t.Errorf("%d bytes are kept after %d", b.Len(), n)
		}
	}
	if b.Len() < most {
		t.Errorf("only %d bytes are kept", b.Len())
	}
}

func TestPlain(t *testing.T) {
	for said, want := range map[string]string{
		"": "", "{\"level\":\"ERROR\"}\n": "",
		"{\"level\":\"WARN\"}\n\nSIGSEGV: segmentation violation\nPC=0x0\n": "SIGSEGV: segmentation violation",
	} {
		if got := plain(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// An engine gets what drivers read of the environment, and never what else is there.
func TestEnvironment(t *testing.T) {
	got := strings.Join(environment([]string{"CUDA_VISIBLE_DEVICES=0", "TOKEN=secret", "LANG=C", "LANGUAGE=en", "CUDA=1"}), " ")
	if got != "GGML_NO_BACKTRACE=1 CUDA_VISIBLE_DEVICES=0 LANG=C" {
		t.Error(got)
	}
}
