package main

import (
	"fmt"
	"maps"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// everything is a plan of every kind that changes, creates, keeps and removes: what a crash may
// fall into.
const everything = `
plan { name = "crash" }

directory "data" {
  path = "/srv/data"
  mode = "0750"
}
directory "old" {
  path = "/srv/old"
  mode = "0700"
}
file "new" {
  path    = "/srv/data/new.conf"
  mode    = "0640"
  content = "new\n"
}
file "motd" {
  path    = "/etc/motd"
  content = "converged\n"
}
file "deep" {
  path    = "/opt/a/b/c/deep"
  content = "deep\n"
}
file "secret" {
  path      = "/etc/agent0/token"
  owner     = user.fresh.name
  content   = "second secret"
  sensitive = true
}
file "mode" {
  path = "/etc/mode-only"
  mode = "0600"
}
file "gone" {
  path   = "/etc/gone"
  absent = true
}
file "many" {
  for_each = ["a", "b", "c"]
  path     = "/srv/old/${each.key}"
  content  = each.key
}
symlink "current" {
  path   = "/srv/current"
  target = "data"
}
symlink "moved" {
  path   = "/etc/moved"
  target = "/srv/data/new.conf"
}
env_file "agent0" {
  path   = "/etc/agent0/agent0.env"
  values = { KEY = "two", OTHER = "three" }
}
` + accountsAfter + systemAfter

// accountsAfter makes, changes and drops users and groups.
const accountsAfter = `
user "changed" {
  system  = true
  groups  = ["adm", "users"]
  comment = "second"
  shell   = "/bin/sh"
}
user "fresh" {
  create_home = true
  locked      = true
}
user "bob" {
  absent = true
}
group "team" {
  gid     = 601
  members = ["alice", "fresh"]
  exact   = true
}
gpu_group "fresh" {
  user = user.fresh.name
}
`

// systemAfter makes, changes and drops what is in files of the system: rules, parameters, units.
const systemAfter = `
logrotate "changed" {
  paths    = ["/var/log/changed.log"]
  keep     = 3
  compress = true
}
logrotate "fresh" {
  paths = ["/var/log/fresh/*.log"]
  every = "daily"
}
sysctl "changed" {
  name  = "vm.swappiness"
  value = "20"
}
sysctl "fresh" {
  name  = "net.core.somaxconn"
  value = "1024"
}
unit "changed" {
  service = { ExecStart = "/usr/bin/changed", User = user.changed.name }
  install = { WantedBy = "basic.target", RequiredBy = "multi-user.target" }
  enabled = true
}
unit "fresh" {
  service = { ExecStart = "/usr/bin/fresh", EnvironmentFile = env_file.agent0.path }
  install = { WantedBy = "multi-user.target", Alias = "newest.service" }
  enabled = true

  dropin "50-limits" {
    service = { MemoryMax = "64M" }
  }
}
unit "cron" {
  enabled = false
}
unit "bluetooth" {
  masked = true
}
unit "ssh" {
  masked  = false
  enabled = true

  dropin "50-nice" {
    service = { Nice = 3 }
  }
}
drift "agent0" {
  every = "1h"
}
`

// before is the plan that was applied earlier: some of it stays, some changes, some is dropped.
const before = `
plan { name = "crash" }

file "motd" {
  path    = "/etc/motd"
  content = "first\n"
}
file "dropped" {
  path    = "/etc/dropped"
  content = "dropped\n"
}
symlink "moved" {
  path   = "/etc/moved"
  target = "/nowhere"
}
user "changed" {
  system  = true
  groups  = ["adm"]
  comment = "first"
}
user "dropped" {
  system = true
  groups = ["users"]
}
group "team" {
  gid     = 600
  members = ["alice"]
}
logrotate "changed" {
  paths = ["/var/log/changed.log"]
  keep  = 2
}
sysctl "changed" {
  name  = "vm.swappiness"
  value = "10"
}
unit "changed" {
  service = { ExecStart = "/usr/bin/changed" }
  install = { WantedBy = "multi-user.target" }
  enabled = true

  dropin "10-old" {
    service = { Nice = 1 }
  }
}
unit "dropped" {
  service = { ExecStart = "/usr/bin/dropped" }
  install = { WantedBy = "multi-user.target" }
  enabled = true
}
unit "ssh" {
  masked = true
}
`

// ofEverything is the root under these plans.
func ofEverything() map[string]hosttest.File {
	files := stock()
	maps.Copy(files, map[string]hosttest.File{
		"/etc/motd": {Content: "original\n"}, "/etc/mode-only": {Content: "as it is\n"}, "/etc/gone": {Content: "goes\n"},
		"/srv/old/stays": {Content: "nobody manages this\n"},
	})
	return files
}

// batches is a plan of many changes that are made together, on both sides of one that ends a batch.
const batches = `
plan { name = "batches" }

file "some" {
  count     = 100
  path      = "/srv/some/${count.index}"
  content   = "some ${count.index}\n"
  sensitive = count.index % 10 == 5
}
env_file "more" {
  count  = 70
  path   = "/srv/more/${count.index}"
  values = { NUMBER = tostring(count.index) }
}
symlink "between" {
  path       = "/srv/between"
  target     = "some/1"
  depends_on = [file.some]
}
file "last" {
  count      = 20
  path       = "/srv/last/${count.index}"
  content    = "last\n"
  depends_on = [symlink.between]
}
`

// ofBatches is the root under it: some of the files are there, and otherwise. In an image the old bytes of
// secrets are not kept, so these are new.
func ofBatches() map[string]hosttest.File {
	files := map[string]hosttest.File{}
	for i := range 40 {
		files[fmt.Sprintf("/srv/some/%d", 2*i)] = hosttest.File{Content: "by hand\n", Mode: 0o604, UID: i}
	}
	return files
}
