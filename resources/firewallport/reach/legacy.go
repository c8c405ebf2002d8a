package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Legacy returns the tables of the older x_tables (iptables-legacy), such as "ip filter" or "ip6 nat", that are loaded beside
// nf_tables: nothing here sees their rules, which may keep packets out all the same. The names are those of
// /proc/net/ip_tables_names and ip6_tables_names; a table that is loaded need not have rules. Those of ebtables and arptables have
// no part in what reaches a port.
func Legacy(files host.Tree) ([]string, error) {
	var out []string
	for _, f := range []struct{ path, family string }{
		{"/proc/net/ip_tables_names", "ip"}, {"/proc/net/ip6_tables_names", "ip6"},
	} {
		b, err := files.ReadFile(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether iptables-legacy is in use: %w", err)
		}
		for _, name := range strings.Fields(string(b)) {
			out = append(out, f.family+" "+name)
		}
	}
	return out, nil
}
