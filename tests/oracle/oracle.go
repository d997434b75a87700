// Command oracle answers as kube-proxy would: which endpoints may serve each service port on a node.
//
// It feeds events to kube-proxy's own change trackers and asks its own CategorizeEndpoints. It reads
// JSON lines from standard input and writes one line per service port for each query, in the words
// that tests/balancer/model/answer.h describes, then a line with a dot.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/klog/v2"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	discoveryv1 "k8s.io/kubernetes/pkg/apis/discovery/v1"
)

// event is one line of input.
type event struct {
	// Op is begin (forget everything), upsert, erase, replace, sync (as a proxier does after its
	// delay) or query (sync, then answer).
	Op string `json:"op"`

	// of begin
	Node      string   `json:"node"`
	NodeIPs   []string `json:"nodeIPs"`
	ProxyName string   `json:"proxyName"`

	// of upsert, erase and replace
	Kind    string            `json:"kind"`
	Object  json.RawMessage   `json:"object"`
	Objects []json.RawMessage `json:"objects"`
}

func decodeService(raw json.RawMessage) (*v1.Service, error) {
	service := &v1.Service{}
	if err := json.Unmarshal(raw, service); err != nil {
		return nil, err
	}
	// What an API server would have filled in before anybody saw the object.
	corev1.SetObjectDefaults_Service(service)
	return service, nil
}

func decodeSlice(raw json.RawMessage) (*discovery.EndpointSlice, error) {
	slice := &discovery.EndpointSlice{}
	if err := json.Unmarshal(raw, slice); err != nil {
		return nil, err
	}
	discoveryv1.SetObjectDefaults_EndpointSlice(slice)
	return slice, nil
}

// all decodes a list with one of the functions above.
func all[T any](decode func(json.RawMessage) (*T, error), raws []json.RawMessage) ([]*T, error) {
	var objects []*T
	for _, raw := range raws {
		object, err := decode(raw)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// apply does what one event asks, and writes the answer to a query.
func (p *proxier) apply(e event, out io.Writer) error {
	raws := e.Objects
	if e.Op == "upsert" || e.Op == "erase" {
		raws = []json.RawMessage{e.Object}
	}
	switch e.Op {
	case "sync":
		p.sync()
		return nil
	case "query":
		p.sync()
		p.answer(out)
		return nil
	case "upsert", "erase", "replace":
	default:
		return fmt.Errorf("there is no op %q", e.Op)
	}
	switch e.Kind {
	case "Service":
		objects, err := all(decodeService, raws)
		if err != nil {
			return err
		}
		p.services.change(e.Op, objects)
	case "EndpointSlice":
		objects, err := all(decodeSlice, raws)
		if err != nil {
			return err
		}
		p.slices.change(e.Op, objects)
	case "Node":
		node := &v1.Node{}
		if err := json.Unmarshal(e.Object, node); err != nil {
			return err
		}
		p.nodeChanged(node)
	default:
		return fmt.Errorf("there is no kind %q", e.Kind)
	}
	return nil
}

func run(in io.Reader, out *bufio.Writer) error {
	// A history has thousands of events and answers that are asked for in bulk: who asks flushes by
	// asking nothing for a while.
	lines := bufio.NewReaderSize(in, 1<<20)
	var current *proxier
	for number := 1; ; number++ {
		if lines.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if e.Op == "begin" {
			current = newProxier(e.Node, e.NodeIPs, e.ProxyName)
			continue
		}
		if current == nil {
			return fmt.Errorf("line %d: nothing has begun", number)
		}
		if err := current.apply(e, out); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}

func main() {
	// The trackers log each object that they leave out; that is half of what they are fed here.
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	flags.Set("logtostderr", "false")
	flags.Set("stderrthreshold", "FATAL")
	klog.SetOutput(io.Discard)
	if err := run(os.Stdin, bufio.NewWriterSize(os.Stdout, 1<<20)); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}
