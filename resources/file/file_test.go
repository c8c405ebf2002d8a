package file

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type files = map[string]hosttest.File

func TestConverges(t *testing.T) {
	text := func() *engine.Text { return engine.NewText("hello\r\n") }
	enginetest.Converges(t, Kind(), []enginetest.Case[Spec]{
		{Name: "nothing there, nor its folders", Spec: &Spec{Path: "/etc/a/motd", Content: text()}, Want: engine.Create},
	})
}
