package guest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// initrdModules are what it takes to see the disks and the ports, and to mount the root. Those that a kernel has built
// in are passed over.
func initrdModules() []string {
	return []string{"virtio_pci", "virtio_blk", "virtio_console", "crc32c_generic", "ext4"}
}

// makeInitrd makes one with busybox, a script and a few modules of the root's kernel.
func makeInitrd(ctx context.Context, root, release, to string) error {
	dir, err := os.MkdirTemp("", "agent0-lab-initrd-")
	if err != nil {
		return err
	}
	err = fillInitrd(ctx, root, release, dir)
	if err == nil {
		err = packInitrd(ctx, dir, to)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func fillInitrd(ctx context.Context, root, release, dir string) error {
	for _, sub := range []string{"bin", "dev", "modules", "proc", "root", "sys"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	box, err := os.ReadFile(filepath.Join(root, "bin/busybox"))
	if err != nil {
		return err
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "bin/busybox"), box, 0o755), os.WriteFile(filepath.Join(dir, "init"), initScript, 0o755),
	); err != nil {
		return err
	}
	modules := filepath.Join(root, "lib/modules", release)
	deps, err := os.ReadFile(filepath.Join(modules, "modules.dep"))
	if err != nil {
		return fmt.Errorf("cannot read what modules need: %w", err)
	}
	builtin, err := os.ReadFile(filepath.Join(modules, "modules.builtin"))
	if err != nil {
		return fmt.Errorf("cannot read which modules are built in: %w", err)
	}
	order, err := loadOrder(string(deps), string(builtin), initrdModules())
	if err != nil {
		return err
	}
	return putModules(ctx, modules, order, filepath.Join(dir, "modules"))
}

// loadOrder returns the files of modules and of those that they need, each after what it needs. depmod(8) writes a line
// for each module: "file: what it needs, last to load first".
func loadOrder(deps, builtin string, names []string) ([]string, error) {
	needs := map[string][]string{}
	file := map[string]string{}
	for line := range strings.Lines(deps) {
		name, rest, _ := strings.Cut(line, ":")
		needs[name], file[moduleName(name)] = strings.Fields(rest), name
	}
	for line := range strings.Lines(builtin) {
		file[moduleName(strings.TrimSpace(line))] = ""
	}
	var order []string
	for _, name := range names {
		own, known := file[name]
		if !known {
			return nil, fmt.Errorf("the kernel has no module %s", name)
		}
		if own == "" {
			continue
		}
		chain := append([]string{own}, needs[own]...)
		slices.Reverse(chain)
		order = append(order, chain...)
	}
	return unique(order), nil
}

// unique leaves the first of each.
func unique(all []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// moduleName is what a module in a file is called: kernel/drivers/a-b.ko.xz is a_b.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// putModules writes the modules, uncompressed, and their order.
func putModules(ctx context.Context, from string, order []string, to string) error {
	var list strings.Builder
	for _, name := range order {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		module := moduleName(name) + ".ko"
		list.WriteString(module + "\n")
		file := filepath.Join(to, module+strings.TrimPrefix(filepath.Ext(name), ".ko"))
		if err := os.WriteFile(file, b, 0o644); err != nil {
			return err
		}
		switch filepath.Ext(name) {
		case ".ko":
		case ".xz":
			if _, err := program.Output(ctx, filepath.Join(to, "../bin/busybox"), "unxz", file); err != nil {
				return err
			}
		default:
			return fmt.Errorf("cannot uncompress the module %s: busybox has nothing for that", name)
		}
	}
	return os.WriteFile(filepath.Join(to, "order"), []byte(list.String()), 0o644)
}

// packInitrd makes the archive by the busybox that is in it.
func packInitrd(ctx context.Context, dir, to string) error {
	var names bytes.Buffer
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, p)
		names.WriteString(rel + "\n")
		return errors.Join(err, relErr)
	})
	if err != nil {
		return err
	}
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	packed := gzip.NewWriter(file)
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bin/busybox"), "cpio", "-o", "-H", "newc")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, &names, packed, &said
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("cpio: %w: %s", err, said.Bytes()), file.Close())
	}
	return errors.Join(packed.Close(), file.Close())
}
