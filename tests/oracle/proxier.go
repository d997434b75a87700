package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/kubernetes/pkg/proxy"
	"k8s.io/kubernetes/pkg/proxy/apis"
	netutils "k8s.io/utils/net"
)

// family is what a proxier keeps of one IP family.
type family struct {
	name            v1.IPFamily
	nodeIP          net.IP // nil: the node has none of this family
	serviceChanges  *proxy.ServiceChangeTracker
	endpointChanges *proxy.EndpointsChangeTracker
	servicePorts    proxy.ServicePortMap
	endpoints       proxy.EndpointsMap
}

// proxier is a kube-proxy of both families without a kernel.
type proxier struct {
	node     string
	labels   map[string]string // the node's, as far as topology goes
	families []*family
	services *informer[*v1.Service]
	slices   *informer[*discovery.EndpointSlice]
}

func newProxier(node string, nodeIPs []string, proxyName string) *proxier {
	p := &proxier{node: node, labels: map[string]string{}}
	for _, name := range []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol} {
		f := &family{
			name:            name,
			serviceChanges:  proxy.NewServiceChangeTracker(name, nil, nil),
			endpointChanges: proxy.NewEndpointsChangeTracker(name, node, nil, nil),
			servicePorts:    proxy.ServicePortMap{},
			endpoints:       proxy.EndpointsMap{},
		}
		for _, text := range nodeIPs {
			if ip := netutils.ParseIPSloppy(text); netutils.IsIPv6(ip) == (name == v1.IPv6Protocol) {
				f.nodeIP = ip
			}
		}
		p.families = append(p.families, f)
	}

	// The selectors of cmd/kube-proxy/app/server.go. With a name of its own, which kube-proxy does not
	// have, wherry owns the Services that carry it.
	p.services = newInformer(func(s *v1.Service) bool {
		label, labelled := s.Labels[apis.LabelServiceProxyName]
		ours := !labelled
		if proxyName != "" {
			ours = labelled && label == proxyName
		}
		return ours && s.Spec.ClusterIP != v1.ClusterIPNone
	}, func(before, now *v1.Service) {
		for _, f := range p.families {
			f.serviceChanges.Update(before, now)
		}
	})
	p.slices = newInformer(func(s *discovery.EndpointSlice) bool {
		_, headless := s.Labels[v1.IsHeadlessService]
		return !headless
	}, func(before, now *discovery.EndpointSlice) {
		for _, f := range p.families {
			// kube-proxy forgets what an update says that moves a slice to another Service or family; see
			// "Differences" in README.md.
			if before != nil && (now == nil || moved(before, now)) {
				f.endpointChanges.EndpointSliceUpdate(before, true)
			}
			if now != nil {
				f.endpointChanges.EndpointSliceUpdate(now, false)
			}
		}
	})
	return p
}

func moved(before, now *discovery.EndpointSlice) bool {
	return before.AddressType != now.AddressType ||
		before.Labels[discovery.LabelServiceName] != now.Labels[discovery.LabelServiceName]
}

// nodeChanged keeps what NodeTopologyConfig of pkg/proxy/config hands to proxiers.
func (p *proxier) nodeChanged(node *v1.Node) {
	p.labels = map[string]string{}
	if zone, exists := node.Labels[v1.LabelTopologyZone]; exists {
		p.labels[v1.LabelTopologyZone] = zone
	}
}

func (p *proxier) sync() {
	for _, f := range p.families {
		f.servicePorts.Update(f.serviceChanges)
		f.endpoints.Update(f.endpointChanges)
	}
}

// both asks CategorizeEndpoints for the cluster set and the local set, whichever policies are set.
type both struct{ proxy.ServicePort }

func (both) UsesClusterEndpoints() bool { return true }
func (both) UsesLocalEndpoints() bool   { return true }

// answer writes a line for each service port, sorted, and a dot.
func (p *proxier) answer(out io.Writer) {
	var lines []string
	for _, f := range p.families {
		local := f.served().LocalReadyEndpoints()
		for name, port := range f.servicePorts {
			line := f.describe(name, port) + p.decisions(f, name, port)
			if number := port.HealthCheckNodePort(); number != 0 {
				line += fmt.Sprintf(" health=%d:%d", number, local[name.NamespacedName])
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out, ".")
}

// served is the endpoints of service ports that there are. kube-proxy counts those of ports that
// only slices have as well; see "Differences" in README.md.
func (f *family) served() proxy.EndpointsMap {
	served := proxy.EndpointsMap{}
	for name := range f.servicePorts {
		served[name] = f.endpoints[name]
	}
	return served
}

// describe is what a service port is, apart from its endpoints.
func (f *family) describe(name proxy.ServicePortName, port proxy.ServicePort) string {
	var text strings.Builder
	text.WriteString(name.NamespacedName.String())
	if name.Port != "" {
		text.WriteString(":" + name.Port)
	}
	fmt.Fprintf(&text, "/%s/%s ip=%s port=%d node_port=%d external_ips=%s vips=%s", name.Protocol,
		f.name, port.ClusterIP(), port.Port(), port.NodePort(), list(port.ExternalIPs(), net.IP.String),
		list(port.LoadBalancerVIPs(), net.IP.String))
	fmt.Fprintf(&text, " affinity=%s", port.SessionAffinityType())
	if port.SessionAffinityType() == v1.ServiceAffinityClientIP {
		fmt.Fprintf(&text, "/%d", port.StickyMaxAgeSeconds())
	}
	text.WriteString(" admits=" + f.admits(port))
	return text.String()
}

// Clients whose way to the load balancer's addresses is looked at; the list stands in
// tests/balancer/model/answer.cpp too.
var clients = map[v1.IPFamily][]string{
	v1.IPv4Protocol: {"203.0.113.5", "203.0.113.200", "10.1.0.1", "172.18.0.2", "192.0.2.100"},
	v1.IPv6Protocol: {"2001:db8:5::5", "fd00:10::1", "fd00:18::2", "2001:db8::100"},
}

// admits says for each client and address whether the source ranges let it in: the rules of the
// firewall chain that the iptables proxier writes, which is nowhere as a function.
func (f *family) admits(port proxy.ServicePort) string {
	ranges := port.LoadBalancerSourceRanges()
	contains := func(ip net.IP) bool {
		return slices.ContainsFunc(ranges, func(cidr *net.IPNet) bool { return cidr.Contains(ip) })
	}
	text := ""
	vips := slices.Clone(port.LoadBalancerVIPs())
	slices.SortFunc(vips, func(a, b net.IP) int { return strings.Compare(a.String(), b.String()) })
	for _, vip := range vips {
		for _, client := range append(slices.Clone(clients[f.name]), vip.String()) {
			ip := netutils.ParseIPSloppy(client)
			fromVIP := port.LoadBalancerVIPs() != nil && contains(f.nodeIP) &&
				slices.ContainsFunc(vips, func(each net.IP) bool { return each.Equal(ip) })
			if len(ranges) == 0 || contains(ip) || fromVIP {
				text += "y"
			} else {
				text += "n"
			}
		}
	}
	return text
}

// decisions is who may serve a service port. The verdicts follow from the sets as in the iptables
// proxier's syncProxyRules, which is nowhere as a function.
func (p *proxier) decisions(f *family, name proxy.ServicePortName, port proxy.ServicePort) string {
	endpoints := f.endpoints[name]
	every, everyLocal, _, any := proxy.CategorizeEndpoints(endpoints, both{port}, p.node, p.labels)
	cluster, local, _, hasEndpoints := proxy.CategorizeEndpoints(endpoints, port, p.node, p.labels)
	if any != hasEndpoints {
		panic("the policies decide whether there are endpoints")
	}
	text := fmt.Sprintf(" endpoints=%s cluster=%s local=%s", list(endpoints, flags),
		list(every, proxy.Endpoint.String), list(everyLocal, proxy.Endpoint.String))

	verdict := func(usesLocal bool) string {
		set := cluster
		if usesLocal {
			set = local
		}
		switch {
		case !hasEndpoints:
			return "reject[]"
		case len(set) == 0:
			return "drop[]"
		default:
			return "forward" + list(set, proxy.Endpoint.String)
		}
	}
	text += " internal=" + verdict(port.InternalPolicyLocal())
	if port.ExternallyAccessible() {
		text += " external=" + verdict(port.ExternalPolicyLocal()) + " from_node=" + verdict(false)
	}
	return text
}

// flags is an endpoint's address and what kube-proxy knows of it.
func flags(e proxy.Endpoint) string {
	text := e.String() + "="
	for _, flag := range []struct {
		set  bool
		word string
	}{{e.IsReady(), "r"}, {e.IsServing(), "s"}, {e.IsTerminating(), "t"}, {e.IsLocal(), "l"}} {
		if flag.set {
			text += flag.word
		}
	}
	return text
}

// list is "[a,b]", sorted.
func list[T any](items []T, text func(T) string) string {
	var texts []string
	for _, item := range items {
		texts = append(texts, text(item))
	}
	slices.Sort(texts)
	return "[" + strings.Join(texts, ",") + "]"
}
