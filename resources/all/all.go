// Package all is the list of the kinds that plans may use.
package all

import (
	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/drift"
	"github.com/agent0-converge/agent0-converge/resources/envfile"
	"github.com/agent0-converge/agent0-converge/resources/file"
	"github.com/agent0-converge/agent0-converge/resources/firewallport"
	"github.com/agent0-converge/agent0-converge/resources/gpugroup"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/logrotate"
	"github.com/agent0-converge/agent0-converge/resources/model"
	"github.com/agent0-converge/agent0-converge/resources/ready"
	"github.com/agent0-converge/agent0-converge/resources/server"
	"github.com/agent0-converge/agent0-converge/resources/symlink"
	"github.com/agent0-converge/agent0-converge/resources/sysctl"
	"github.com/agent0-converge/agent0-converge/resources/unit"
	"github.com/agent0-converge/agent0-converge/resources/user"
)

// Kinds returns every kind, in the order in which the reference lists them.
func Kinds() []*engine.Kind {
	return []*engine.Kind{
		file.Kind(),
		directory.Kind(),
		symlink.Kind(),
		envfile.Kind(),
		model.Kind(),
		user.Kind(),
		group.Kind(),
		gpugroup.Kind(),
		unit.Kind(),
		ready.Kind(),
		server.Kind(),
		drift.Kind(),
		logrotate.Kind(),
		sysctl.Kind(),
		firewallport.Kind(),
	}
}
