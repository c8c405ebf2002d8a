package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The names of the tools that models are measured beside.
const (
	usAlone   = us + ", without a plan"
	plainGo   = "plain Go"
	plainSync = "plain Go, fsync"
	curl      = "curl"
	curlSync  = "curl, sync"
	openssl   = "openssl"
	noPlan    = "an empty plan"
)

// most is how much memory ours may take in KiB, however large the model is.
const most = 64 << 10

// memory is a file system that has nothing to make durable.
const memory = "/dev/shm"

// models measures how models are fetched and verified.
type models struct {
	ours, own string
	work      string // on a disk
	rounds    int
	size      int64 // in bytes; what is hashed and known is twice as large
	served    served
}

// measureModels measures in a folder below work.
func measureModels(ours, own, work string) (err error) {
	m := &models{ours: ours, own: own, work: work}
	if err := m.configure(); err != nil {
		return err
	}
	if m.served, err = m.serve(filepath.Join(work, "served")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.served.stop()) }()
	downloads := newTable("MB", curl, curlSync, plainGo, plainSync)
	if err := m.download(downloads, "fetch to disk", filepath.Join(work, "to"), true); err != nil {
		return err
	}
	if err := m.toMemory(downloads); err != nil {
		return err
	}
	if err := downloads.out.Flush(); err != nil {
		return err
	}
	fmt.Println()
	return m.again()
}

// configure reads AGENT0_BENCH_MIB and AGENT0_BENCH_ROUNDS: a smaller model and fewer rounds, for a look.
func (m *models) configure() error {
	mib, err := number("AGENT0_BENCH_MIB", 2048)
	if err != nil {
		return err
	}
	m.size = int64(mib) << 20
	m.rounds, err = number("AGENT0_BENCH_ROUNDS", rounds)
	return err
}

// number is that of a variable of the environment, or what holds where it is not set.
func number(name string, or int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return or, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("%s is %q, and no number from 1 on", name, text)
	}
	return v, nil
}

// client is a way to get a file: programs that run one after the other.
type client struct {
	name  string
	steps [][]string
	to    string // where the file is then
}

// clients are the ways to get f into dir. Those that make it durable are of use only on a disk.
func (m *models) clients(f content, dir string, disk bool) ([]client, error) {
	plan, root, to := filepath.Join(m.work, f.name+".hcl"), filepath.Join(dir, "root"), filepath.Join(dir, "m")
	text := fmt.Sprintf("model %q {\n  path    = \"/m\"\n  sources = [%q]\n  sha256  = %q\n  size    = \"%d\"\n}\n", f.name, f.url, f.sum, f.size)
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		return nil, err
	}
	get := []string{curl, "-sSf", "-o", to, f.url}
	plain := filepath.Join(m.own, "bench-get")
	out := []client{
		{us, [][]string{{m.ours, "apply", "--root", root, "--auto-approve", plan}}, filepath.Join(root, "m")},
		{usAlone, [][]string{{filepath.Join(m.own, "bench-fetch"), f.url, root, "/m", f.sum}}, filepath.Join(root, "m")},
		{plainGo, [][]string{{plain, f.url, to, f.sum}}, to},
		{curl, [][]string{get}, to},
		{"wget", [][]string{{"wget", "-q", "-O", to, f.url}}, to},
		{"aria2c -x16 -s16", [][]string{m.aria(f, dir)}, to},
		{"aria2c, its checksum", [][]string{m.aria(f, dir, "--checksum=sha-256="+f.sum)}, to},
		{"curl, openssl dgst", [][]string{get, {openssl, "dgst", "-sha256", to}}, to},
		{"curl, sha256sum", [][]string{get, {"sha256sum", to}}, to},
	}
	if disk {
		out = append(out, client{plainSync, [][]string{{plain, "-sync", f.url, to, f.sum}}, to},
			client{curlSync, [][]string{get, {"sync", to}}, to})
	}
	return out, nil
}

func (m *models) aria(f content, dir string, more ...string) []string {
	return append(append([]string{"aria2c", "-q", "-x16", "-s16", "-d", dir, "-o", "m"}, more...), f.url)
}

// download measures getting the model into a folder that is made for each run, and ours once with a larger one.
func (m *models) download(t *table, what, dir string, disk bool) error {
	clients, err := m.clients(m.served.model, dir, disk)
	if err != nil {
		return err
	}
	samples := map[string][]sample{}
	// Each time in another order: what one client leaves of free memory is what the next has to work with.
	order := rand.New(rand.NewPCG(1, 2))
	for range m.rounds {
		for _, i := range order.Perm(len(clients)) {
			c := clients[i]
			s, err := m.get(c, m.served.model, dir)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", what, c.name, err)
			}
			samples[c.name] = append(samples[c.name], s)
		}
	}
	t.add(what, megabytes(m.served.model), named(clients), samples)
	if !disk {
		return nil
	}
	if clients, err = m.clients(m.served.large, dir, disk); err != nil {
		return err
	}
	s, err := m.get(clients[0], m.served.large, dir)
	if err != nil {
		return err
	}
	t.add(what+", once", megabytes(m.served.large), named(clients[:1]), map[string][]sample{us: {s}})
	return nil
}

// get runs a client once, in an empty folder and with nothing left for the disk to do, and fails unless the file is right.
func (m *models) get(c client, f content, dir string) (all sample, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "root"), 0o755); err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	unix.Sync()
	for _, argv := range c.steps {
		s, err := measure(argv)
		if err != nil {
			return sample{}, err
		}
		all = all.then(s)
	}
	if c.name == us && all.rssAnon > most {
		return sample{}, fmt.Errorf("it took %d MiB of memory, more than %d", all.rssAnon>>10, most>>10)
	}
	if len(c.steps) > 1 && c.steps[1][0] != "sync" && !all.says(f.sum) {
		return sample{}, fmt.Errorf("%v does not say that the SHA-256 is %s", c.steps[1], f.sum)
	}
	return all, f.same(c.to)
}

// toMemory measures without a disk, where there is room for that.
func (m *models) toMemory(t *table) error {
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil {
		return err
	}
	if room := int64(st.Bavail) * st.Bsize; room < 2*m.size {
		fmt.Printf("not measured: fetching to memory, as %s has room for %d MiB and not for %d\n", memory, room>>20, 2*m.size>>20)
		return nil
	}
	dir, err := os.MkdirTemp(memory, "bench-*")
	if err != nil {
		return err
	}
	return errors.Join(m.download(t, "fetch to memory", filepath.Join(dir, "to"), false), os.RemoveAll(dir))
}

// named are clients as the table wants them.
func named(clients []client) (out []tool) {
	for _, c := range clients {
		out = append(out, tool{name: c.name})
	}
	return out
}

// megabytes are of 1,000,000 bytes.
func megabytes(f content) int { return int(f.size / 1e6) }
