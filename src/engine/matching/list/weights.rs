//! Weights, in thousandths of a bit, as `concord bench match --fit` prints them; see docs/matching.md. Not edited by hand.

use super::assign::Rivals;
use super::model::Weights;

/// Two records of kind `company`.
pub(super) const COMPANY: Weights<'static> = Weights {
    prior: -3499,
    curves: &[
        // spelling
        &[-196, -2826, -2993, -2313, -2122, -472, 1576, 2746, 2969, 3630],
        // words
        &[-1479, -2110, -1219, 383, 1593, 954, 203, 366, 290, 1020],
        // share
        &[2295, 1583, 972, 72, -109, -276, -929, -1646, -1191, -771],
        // shared bits
        &[246, -1046, -2403, -2528, 461, 2309, 1108, 1852],
        // leftover of one
        &[1958, 1606, 1294, -241, -1342, -1364, -1910],
        // leftover of both
        &[1932, 1413, 930, -737, -1186, -840, -1513],
        // sister words
        &[-284, -216, 499],
        // rarest leftover
        &[418, 27, -393, -983, 108, -517, 1340],
        // quality
        &[-266, -273, -265, 73, 732],
        // relation
        &[-1655, -859, -354, -25, 1111, 1782],
        // legal form
        &[-827, 579, 248],
        // numbers
        &[627, -509, -536, 418],
        // first word
        &[93, 218, -311],
        // letters
        &[-134, 46, 564, 454, 589, -396, -342, -781],
        // beginning
        &[-1974, -1053, 623, -72, 366, 2111],
        // acronym
        &[-1957, 1957],
        // other name
        &[1, 0, -1],
        // namesakes
        &[3603, -1250, -1191, -1162],
        // city
        &[-1295, -293, 111, 518, 504, 455],
        // state
        &[-2813, -756, 179, 1118, 2272],
        // country
        &[-88, -98, 186],
        // domain
        &[-1772, -150, -356, -571, 2848],
        // telephone
        &[-1689, -113, -656, 2458],
        // street
        &[-2117, -591, 105, 2603],
        // postal code
        &[792, 270, -1062],
    ],
};

/// Such a pair among its rivals.
pub(super) const COMPANY_AMONG_RIVALS: Weights<'static> = Weights {
    prior: 51,
    curves: &[
        // evidence
        &[-8649, -6201, -3655, -2293, -1298, 471, 159, 1156, 1748, 2513, 2784, 3936, 4551, 4778],
        // nearer rival
        &[-7478, -3365, -2082, -1977, -2066, 414, 728, 1049, 3598, 4359, 6820],
        // farther rival
        &[-1156, -393, 229, 320, 215, -298, -604, 483, 591, 544, 70],
    ],
};

/// The same with what it was fitted on.
pub(super) const COMPANY_RIVALS: Rivals<'static> = Rivals { weights: COMPANY_AMONG_RIVALS, right_share: 977 };

/// Two records of kind `goods`.
pub(super) const GOODS: Weights<'static> = Weights {
    prior: -6886,
    curves: &[
        // spelling
        &[-3180, -3068, -2590, -2002, -568, 1083, 1434, 1848, 2680, 1652, 2711],
        // words
        &[-1544, -2081, -1672, -221, -531, 431, 702, 216, 798, 2066, 1836],
        // share of the fuller
        &[441, 470, 948, 103, -384, -955, -1093, -1032, 107, 260, 1136],
        // share of the shorter
        &[-112, 224, -393, -1070, -158, -308, 86, -263, 102, 761, 1132],
        // shared bits
        &[-2046, -1877, -752, 225, 316, 1466, 1170, 1498],
        // leftover of one
        &[619, -362, -417, 765, 86, 4, -694],
        // leftover of both
        &[115, 151, -546, 105, 122, 79, -27],
        // model number
        &[-1912, -860, 1142, 1407, -1704, -1341, 3268],
        // model spelled
        &[-1351, -1108, -584, 220, 850, 1972],
        // part number
        &[-2907, -2503, 974, 5, 4431],
        // numbers in common
        &[-214, -378, 80, 512],
        // numbers against
        &[1430, 365, -759, -1037],
        // numbers of one
        &[232, -222, -220, 210],
        // editions against
        &[1785, -763, -1022],
        // editions of one
        &[1153, 83, -673, -562],
        // color
        &[-2554, 515, 2039],
        // maker
        &[-1772, 855, 917],
        // price
        &[405, 1164, 1734, 1520, 825, -783, -2051, -2813],
        // letters
        &[1822, 1610, 792, 442, -204, -829, -1270, -1099, -1263],
        // first word
        &[87, -87],
        // description
        &[-2472, -1140, -667, -73, 1055, 346, 1450, 1500],
        // namesakes
        &[1249, -819, -217, -213],
        // slip
        &[900, 404, -424, -879],
    ],
};

/// Such a pair among its rivals.
pub(super) const GOODS_AMONG_RIVALS: Weights<'static> = Weights {
    prior: -1072,
    curves: &[
        // evidence
        &[-9146, -6973, -3931, -2741, -707, 63, 960, 1760, 2140, 2560, 3391, 4059, 4288, 4277],
        // nearer rival
        &[-5640, -3174, -2476, -1534, -1057, 1, 1204, 1667, 2991, 3839, 4180],
        // farther rival
        &[-2695, -2049, -440, 1009, 1437, 274, 1447, 641, 1038, 92, -755],
    ],
};

/// The same with what it was fitted on.
pub(super) const GOODS_RIVALS: Rivals<'static> = Rivals { weights: GOODS_AMONG_RIVALS, right_share: 749 };

/// Two records of kind `licenses`.
pub(super) const LICENSES: Weights<'static> = Weights {
    prior: -10504,
    curves: &[
        // spelling
        &[-2102, -896, 265, -132, 801, 2064],
        // words
        &[-1202, -862, -600, 808, 1037, 819],
        // letters
        &[92, 205, -452, -669, -321, 1145],
        // share of the fuller
        &[262, 327, 581, -47, -573, -550],
        // share of the shorter
        &[-521, -482, 22, 64, 136, 782],
        // shared bits
        &[-306, -81, 709, 358, -679],
        // leftover of one
        &[407, 408, 141, -14, -943],
        // leftover of both
        &[524, -76, -134, -163, -150],
        // editions of one
        &[182, 122, -304],
        // editions against
        &[357, -357],
        // plan
        &[-1145, 78, 656, 411],
        // segment
        &[-2035, -1553, 1488, 2100],
        // qualifiers
        &[906, -596, -310],
        // numbers
        &[-1895, -381, 1404, 872],
        // term
        &[-5026, -2124, 734, 2364, 4053],
        // vendor
        &[180, 188, -367],
        // renamed
        &[-161, -114, 276],
        // same facts
        &[-1726, 1726],
        // price
        &[2083, 898, 941, -457, -1602, -1863],
        // namesakes
        &[641, -324, -317],
    ],
};

/// Such a pair among its rivals.
pub(super) const LICENSES_AMONG_RIVALS: Weights<'static> = Weights {
    prior: 438,
    curves: &[
        // evidence
        &[-3001, -2650, -2376, -2514, -2046, -1415, -71, 910, 1943, 2362, 2290, 2225, 2181, 2160],
        // nearer rival
        &[-7125, -4178, -1824, -894, -236, 713, 462, 1301, 3373, 4181, 4226],
        // farther rival
        &[-1547, -673, -563, -872, -391, 473, 376, 359, 479, 989, 1369],
    ],
};

/// The same with what it was fitted on.
pub(super) const LICENSES_RIVALS: Rivals<'static> = Rivals { weights: LICENSES_AMONG_RIVALS, right_share: 849 };
