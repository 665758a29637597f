// Tessera's POSIX log in this process: entries a second that are made durable, and that are seen in a published
// checkpoint, with the latency of each entry. What medtrace is measured beside; see run.sh.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

var (
	seconds = flag.Int("seconds", 20, "seconds of each measurement")
	workers = flag.Int("workers", 256, "entries under way at a time while durability is waited for")
	waiting = flag.Int("waiting", 16384, "entries under way at a time while a checkpoint is waited for")
	bytes   = flag.Int("bytes", 464, "bytes of an entry")
	dir     = flag.String("dir", "", "empty folder of the log")
	key     = flag.Bool("key", false, "only make a key: the private one to standard output, the public one to standard error")
)

// The shortest that the POSIX driver allows.
const checkpointEvery = 100 * time.Millisecond

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	private, public, err := note.GenerateKey(rand.Reader, "bench.example/log")
	if err != nil {
		return err
	}
	if *key {
		fmt.Print(private)
		fmt.Fprint(os.Stderr, public)
		return nil
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(checkpointEvery).
		WithBatching(256, 5*time.Millisecond).
		WithPushback(uint(max(*workers, *waiting)) * 2)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond)
	durable := func() error {
		_, err := appender.Add(ctx, entry())()
		return err
	}
	published := func() error {
		_, _, err := awaiter.Await(ctx, appender.Add(ctx, entry()))
		return err
	}
	for _, measured := range []struct {
		name    string
		workers int
		add     func() error
	}{{"durable", *workers, durable}, {"published", *waiting, published}} {
		if err := measure(measured.name, measured.workers, measured.add); err != nil {
			return err
		}
	}
	return shutdown(ctx)
}

func entry() *tessera.Entry {
	data := make([]byte, *bytes)
	if _, err := rand.Read(data); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return tessera.NewEntry(data)
}

func measure(name string, workers int, add func() error) error {
	begun := time.Now()
	end := begun.Add(time.Duration(*seconds) * time.Second)
	var (
		lock   sync.Mutex
		all    []time.Duration
		failed error
		group  sync.WaitGroup
	)
	for range workers {
		group.Go(func() {
			var own []time.Duration
			for time.Now().Before(end) {
				started := time.Now()
				if err := add(); err != nil {
					lock.Lock()
					failed = err
					lock.Unlock()
					return
				}
				own = append(own, time.Since(started))
			}
			lock.Lock()
			all = append(all, own...)
			lock.Unlock()
		})
	}
	group.Wait()
	took := time.Since(begun)
	if failed != nil {
		return failed
	}
	slices.Sort(all)
	quantile := func(q float64) time.Duration { return all[int(q*float64(len(all)-1))].Round(time.Millisecond / 10) }
	fmt.Printf("  tessera, in process, until %-10s %9.0f entries/s   p50 %v  p99 %v   (%d at a time)\n",
		name, float64(len(all))/took.Seconds(), quantile(0.5), quantile(0.99), workers)
	return nil
}
