{{- define "wherry.name" -}}
{{- if contains "wherry" .Release.Name -}}
{{- .Release.Name | trunc 47 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-wherry" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "wherry.selector" -}}
app.kubernetes.io/name: wherry
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wherry.labels" -}}
{{ include "wherry.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "wherry.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "wherry.name" .) -}}
{{- end -}}

{{- define "wherry.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wherry.healthzPort" -}}
{{- if .Values.healthzPort -}}{{- .Values.healthzPort -}}
{{- else -}}{{- ternary 10356 10256 (ne .Values.serviceProxyName "") -}}
{{- end -}}
{{- end -}}

{{- define "wherry.adminAddress" -}}
{{- .Values.adminAddress | default (ternary "127.0.0.1:10349" "127.0.0.1:10249" (ne .Values.serviceProxyName "")) -}}
{{- end -}}

{{/* Where the kubelet asks the admin server: an address of the node for "all addresses". */}}
{{- define "wherry.adminHost" -}}
{{- $host := include "wherry.adminAddress" . | regexFind "^.*:" | trimSuffix ":" | trimPrefix "[" | trimSuffix "]" -}}
{{- if eq $host "0.0.0.0" -}}127.0.0.1{{- else if eq $host "::" -}}::1{{- else -}}{{- $host -}}{{- end -}}
{{- end -}}

{{- define "wherry.configFile" -}}
{{- $file := dict
  "apiVersion" "wherry.io/v1alpha1"
  "kind" "Configuration"
  "healthzBindAddress" (printf "0.0.0.0:%s" (include "wherry.healthzPort" .)) -}}
{{- if .Values.serviceProxyName -}}
{{- $_ := set $file "serviceProxyName" .Values.serviceProxyName -}}
{{- end -}}
{{- toYaml (merge $file .Values.config) -}}
{{- end -}}

{{/* With a hash of its content, so that a change rolls through the nodes: a wherry that sees its
file change in place ends to be started again, on all nodes within the same minute. */}}
{{- define "wherry.configName" -}}
{{- printf "%s-config-%s" (include "wherry.name" .) (include "wherry.configFile" . | sha256sum | trunc 10) -}}
{{- end -}}

{{/* What no schema can say: values that contradict each other. */}}
{{- define "wherry.validate" -}}
{{- $host := .Values.apiServer.host -}}
{{- $configMap := .Values.kubeProxyConfigMap.name -}}
{{- if .Values.serviceProxyName -}}
  {{- if $configMap -}}
    {{- fail "kubeProxyConfigMap.name and serviceProxyName exclude each other: beside kube-proxy wherry has ports of its own. Leave kubeProxyConfigMap.name empty, and write settings into config" -}}
  {{- end -}}
{{- else if not (or $host $configMap) -}}
  {{- fail "nothing says where the API server is: wherry serves the Service \"kubernetes\" itself, and can't reach the API server by it. Set apiServer.host (and apiServer.port) to the API server's own address, or kubeProxyConfigMap.name to the ConfigMap of an existing kube-proxy (of kubeadm: kube-proxy), or serviceProxyName if kube-proxy stays" -}}
{{- end -}}
{{- if and $host $configMap -}}
  {{- fail "apiServer.host and kubeProxyConfigMap.name exclude each other: the ConfigMap's kubeconfig says where the API server is. Leave one of them empty" -}}
{{- end -}}
{{- if $host -}}
  {{- if or (contains "/" $host) (and (contains ":" $host) (not (regexMatch "^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$" $host))) -}}
    {{- fail (printf "apiServer.host: %q is no name and no address; write it without https:// and without the port, which is apiServer.port" $host) -}}
  {{- end -}}
  {{- if and (not .Values.serviceProxyName) (regexMatch "^kubernetes(\\.default(\\..*)?)?$" $host) -}}
    {{- fail (printf "apiServer.host: %q is the Service that wherry serves itself; write the API server's own address, as in the kubeconfig of a kubelet" $host) -}}
  {{- end -}}
{{- end -}}
{{- if and $configMap .Values.config -}}
  {{- fail "config and kubeProxyConfigMap.name exclude each other: the ConfigMap's KubeProxyConfiguration is the configuration. Give further settings of wherry as extraArgs" -}}
{{- end -}}
{{- range $key, $instead := dict "serviceProxyName" "serviceProxyName" "healthzBindAddress" "healthzPort" "adminAddress" "adminAddress" "metricsBindAddress" "adminAddress" "endpoints" "endpoints" "steering" "steering" "drainTimeout" "drainTimeout" "stateDir" "statePath" "runDir" "runPath" -}}
  {{- if hasKey $.Values.config $key -}}
    {{- fail (printf "config.%s: set the value %s instead, on which more depends than this file" $key $instead) -}}
  {{- end -}}
{{- end -}}
{{- range $key := list "nodeName" "hostnameOverride" "manifests" -}}
  {{- if hasKey $.Values.config $key -}}
    {{- fail (printf "config.%s: can't be one thing for all nodes; leave it out" $key) -}}
  {{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
  {{- fail "serviceAccount.name: says which existing account is used, because serviceAccount.create is false" -}}
{{- end -}}
{{- if and .Values.rbac.clusterRole (eq .Values.endpoints "pods") (eq .Values.rbac.clusterRole "system:node-proxier") -}}
  {{- fail "rbac.clusterRole: system:node-proxier may not read pods, which endpoints: pods needs; leave rbac.clusterRole empty" -}}
{{- end -}}
{{- end -}}
