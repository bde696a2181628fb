/** What an appliance is told of its one disk and its machine. */
export interface OvfMachine {
  readonly name: string;
  /** File name of the disk in the archive, and its bytes. */
  readonly disk: string;
  readonly diskSize: number;
  /** Bytes that the machine sees. */
  readonly capacity: number;
  /** Bytes of them that hold something. */
  readonly populated: number;
}

const processors = 2;
const memoryMegabytes = 1_024;

const namespaces = [
  'xmlns="http://schemas.dmtf.org/ovf/envelope/1"',
  'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"',
  'xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"',
  'xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"',
  'xmlns:vmw="http://www.vmware.com/schema/ovf"',
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
].join(" ");
const streamOptimized = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

/** Fields of a rasd item; they stand in the order of their names, as OVF 1.1 has them (DSP0243, 8.1). */
type Item = Readonly<Record<string, string | number>>;

/** ResourceType numbers are CIM's. The hardware is what both VirtualBox and VMware have. */
function hardware(): readonly Item[] {
  return [
    {
      AllocationUnits: "hertz * 10^6",
      Description: "Number of virtual CPUs",
      ElementName: `${processors} virtual CPUs`,
      InstanceID: 1,
      ResourceType: 3,
      VirtualQuantity: processors,
    },
    {
      AllocationUnits: "byte * 2^20",
      Description: "Memory size",
      ElementName: `${memoryMegabytes} MB of memory`,
      InstanceID: 2,
      ResourceType: 4,
      VirtualQuantity: memoryMegabytes,
    },
    {
      Address: 0,
      Description: "SCSI controller",
      ElementName: "SCSI controller 0",
      InstanceID: 3,
      ResourceSubType: "lsilogic",
      ResourceType: 6,
    },
    {
      AddressOnParent: 0,
      Description: "Disk",
      ElementName: "Disk 1",
      HostResource: "ovf:/disk/vmdisk1",
      InstanceID: 4,
      Parent: 3,
      ResourceType: 17,
    },
    {
      AutomaticAllocation: "true",
      Connection: "NAT",
      Description: "Network card",
      ElementName: "Ethernet 1",
      InstanceID: 5,
      ResourceSubType: "E1000",
      ResourceType: 10,
    },
  ];
}

/**
 * An OVF 1.1 envelope (DSP0243): references, disks, networks, then the machine, in the order of its schema. The disk
 * boots with either firmware; BIOS is said, so that none is chosen for it: it needs less memory.
 */
export function ovfDescriptor(machine: OvfMachine): string {
  const name = escaped(machine.name);
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xml:lang="en-US" ${namespaces}>
  <References>
    <File ovf:href="${escaped(machine.disk)}" ovf:id="file1" ovf:size="${machine.diskSize}"/>
  </References>
  <DiskSection>
    <Info>The disk of the machine</Info>
    <Disk ovf:capacity="${machine.capacity}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="${streamOptimized}" ovf:populatedSize="${machine.populated}"/>
  </DiskSection>
  <NetworkSection>
    <Info>The networks of the machine</Info>
    <Network ovf:name="NAT">
      <Description>A network with DHCP</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${name}">
    <Info>A machine made from an image</Info>
    <Name>${name}</Name>
    <OperatingSystemSection ovf:id="101" vmw:osType="otherLinux64Guest">
      <Info>The kind of guest</Info>
      <Description>Linux 64-Bit</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>The hardware that the machine needs</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>
      </System>
${hardware().map(itemText).join("\n")}
      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="bios"/>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}

function itemText(item: Item): string {
  const fields = Object.entries(item).map(
    ([name, value]) => `        <rasd:${name}>${escaped(`${value}`)}</rasd:${name}>`,
  );
  return ["      <Item>", ...fields, "      </Item>"].join("\n");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
