// Command fetch gets a file as a model is got, resumable, verified and durable, without a plan around it.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime/pprof"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

func main() {
	connections := flag.Int("connections", 0, "how many at once; 0 is what models are got with")
	profile := flag.String("cpuprofile", "", "write a profile of the processor's time to this `file`")
	flag.Parse()
	err := profiled(*profile, func() error { return run(context.Background(), flag.Args(), *connections) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, connections int) error {
	if len(args) != 4 {
		return errors.New("usage: fetch [-connections N] [-cpuprofile FILE] URL ROOT PATH SHA256")
	}
	h, err := host.Open(host.Options{Root: args[1]})
	if err != nil {
		return err
	}
	f := &fetch.Fetcher{Host: h, Connections: connections}
	return errors.Join(get(ctx, f, args[0], args[2], args[3]), h.Close())
}

// get publishes what is at url as the file to of the host.
func get(ctx context.Context, f *fetch.Fetcher, url, to, sum string) error {
	client, err := web.NewClient(web.Options{})
	if err != nil {
		return err
	}
	defer client.Close()
	source, err := client.Source(url)
	if err != nil {
		return err
	}
	want := fetch.Want{Sources: []fetch.Source{source}, Dir: path.Dir(to), For: to}
	if n, err := hex.Decode(want.SHA256[:], []byte(sum)); err != nil || n != len(want.SHA256) {
		return fmt.Errorf("%q is no SHA-256: %w", sum, err)
	}
	got, err := f.Fetch(ctx, want)
	if err != nil {
		return err
	}
	return got.Publish(to, host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil)
}

// profiled does something and writes how it used the processor to name, unless that is "".
func profiled(name string, do func() error) error {
	if name == "" {
		return do()
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(err, file.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
